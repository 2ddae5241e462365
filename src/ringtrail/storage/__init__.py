"""The only SQL. One query module per capability; services own the transactions by asking `Database` for one."""
