"""The statements that make up calls, legs, recordings and sums, one account and one month at a time.

Everything follows from a call's number in its account (`n`, the creation counter) and random draws, so that counters and
first calls are right without looking back: of twenty calls in a row twelve come from new callers, one is withheld and
seven repeat one of the new callers before them; a caller always calls the same property.
"""

from __future__ import annotations

OUTCOMES = (
    # share, disposition, stage, cause, who hung up, a target was dialled, it answered, the platform spoke
    (0.620, "answered", "bridged", 16, "caller", True, True, False),
    (0.070, "voicemail", "voicemail", 16, "caller", True, False, True),
    (0.080, "abandoned", "ringing", 16, "caller", True, False, False),
    (0.030, "abandoned", "message", 16, "caller", False, False, True),
    (0.070, "no_answer", "ringing", 19, "platform", True, False, False),
    (0.020, "no_answer", "voicemail", 19, "caller", True, False, True),
    (0.040, "busy", "ringing", 17, "callee", True, False, False),
    (0.015, "ivr", "message", 16, "platform", False, False, True),
    (0.010, "rejected", "ringing", 21, "callee", True, False, False),
    (0.005, "invalid_number", "ringing", 1, "callee", True, False, False),
    (0.010, "unassigned", "none", 1, "platform", False, False, False),
    (0.010, "expired", "none", 22, "platform", False, False, False),
    (0.005, "blocked", "none", 21, "platform", False, False, False),
    (0.015, "failed", "ringing", 41, "callee", True, False, False),
)

SETUP = """
CREATE SCHEMA bench;
CREATE TABLE bench.size (calls bigint NOT NULL, made_by text NOT NULL, complete boolean NOT NULL DEFAULT false);
CREATE TABLE bench.months (month timestamptz PRIMARY KEY);
CREATE TABLE bench.indexes (definition text NOT NULL);
CREATE TABLE bench.outcomes (
    share float8, disposition text, stage text, cause int, hangup_by text, target bool, answered bool, platform bool,
    number int GENERATED ALWAYS AS IDENTITY
);
"""

DIDS = """
CREATE TABLE bench.properties AS
SELECT p.account_id, p.id, (row_number() OVER (PARTITION BY p.account_id ORDER BY p.id))::int - 1 AS place,
       (SELECT count(*)::int FROM dids d WHERE d.property_id = p.id) AS dids
FROM properties p;
CREATE TABLE bench.dids AS
SELECT d.property_id, (row_number() OVER (PARTITION BY d.property_id ORDER BY d.number_e164))::int - 1 AS place,
       d.hash, d.number_e164, d.app_hash, d.source, d.medium, d.campaign, '+331990' || right(d.number_e164, 5) AS target,
       coalesce((a.params #>> '{options,record_calls}')::bool, false) AS records
FROM dids d JOIN apps a ON a.account_id = d.account_id AND a.hash = d.app_hash;
ANALYZE bench.properties, bench.dids, bench.outcomes;
"""

CALLS = """
WITH slots AS (
    SELECT h.hour_at + (i + 0.5) / h.calls * interval '1 hour' AS started_at, h.first_n + i AS n, h.first_n + i - 1 AS j
    FROM unnest(%(hours)s::timestamptz[], %(calls)s::int[], %(firsts)s::bigint[]) AS h (hour_at, calls, first_n),
         generate_series(0, h.calls - 1) AS i
), drawn AS (
    SELECT *, random() AS r_caller, random() AS r_did, random() AS r_outcome, random() AS r_ring, random() AS r_talk,
           random() AS r_repeat, random() AS r_extra
    FROM slots
), callers AS (
    SELECT *, CASE WHEN j %% 20 >= 13
                   THEN 20 * floor(r_caller * (j / 20))::bigint + floor(12 * r_repeat)::bigint ELSE j END AS caller
    FROM drawn
), placed AS (
    SELECT *, floor(%(properties)s * power((caller * 2654435761 %% 4294967296) / 4294967296.0::float8, 2))::int AS place,
           width_bucket(r_outcome, %(thresholds)s::float8[]) AS outcome
    FROM callers
), met AS (
    SELECT c.*, o.*, d.property_id, d.hash AS did_hash, d.number_e164, d.app_hash, d.source, d.medium, d.campaign,
           d.target AS target_number, d.records,
           CASE WHEN o.target THEN 3 + floor(25 * r_ring)::int WHEN o.platform THEN 1 ELSE 0 END AS wait_s,
           CASE WHEN o.answered THEN least(3600, 5 + floor(-170 * ln(1 - r_talk))::int)
                WHEN o.platform THEN 4 + floor(40 * r_talk)::int ELSE 0 END AS up_s
    FROM placed c
    JOIN bench.outcomes o ON o.number = c.outcome
    JOIN bench.properties p ON p.account_id = %(account)s AND p.place = c.place
    JOIN bench.dids d ON d.property_id = p.id AND d.place = floor(c.r_did * c.r_did * p.dids)::int
)
INSERT INTO calls (
    account_id, id, property_id, creation_seq, change_seq, node, started_at, answered_at, caller_answered_at, bridged_at,
    ended_at, ring_s, talk_s, total_s, connected_s, handled_s, billed_s, billing_increment_s, state, disposition, stage,
    disposition_raw, hangup_cause, hangup_by, trigger, caller_number, caller_withheld, caller_name, caller_country,
    caller_line_type, caller_region, caller_is_new, tracking_number, did_hash, destination_number, destination_country,
    destination_line_type, app_hash, source, medium, campaign, keypad, revenue_minor, recording_hash, recording_kind, recording_ready)
SELECT
    %(account)s, (((date_part('epoch', started_at) * 1000)::bigint - 1577836800000) << 11) | (%(node)s::bigint << 6) | ((n %% 16) << 2),
    property_id, n, 3 * n, 'n' || %(node)s, started_at,
    CASE WHEN answered THEN started_at + make_interval(secs => wait_s) END,
    CASE WHEN answered OR platform THEN started_at + make_interval(secs => wait_s) END,
    CASE WHEN answered THEN started_at + make_interval(secs => wait_s) END,
    started_at + make_interval(secs => wait_s + up_s),
    CASE WHEN answered THEN wait_s ELSE wait_s + up_s END, CASE WHEN answered THEN up_s ELSE 0 END, wait_s + up_s, up_s,
    CASE WHEN answered OR platform THEN up_s ELSE 0 END, ceil(up_s / 60.0)::int * 60, 60, 'ended', disposition, stage, upper(disposition), cause,
    CASE WHEN answered AND r_extra < 0.4 THEN 'callee' ELSE hangup_by END, 'normal',
    CASE WHEN j %% 20 = 12 THEN NULL WHEN caller %% 17 = 0 THEN '+447' || lpad(caller::text, 9, '0')
         WHEN caller %% 3 = 0 THEN '+331' || lpad(caller::text, 8, '0') ELSE '+336' || lpad(caller::text, 8, '0') END,
    j %% 20 = 12, CASE WHEN j %% 20 <> 12 AND caller %% 9 = 0 THEN 'Caller ' || caller END,
    CASE WHEN j %% 20 = 12 THEN NULL WHEN caller %% 17 = 0 THEN 'GB' ELSE 'FR' END,
    CASE WHEN j %% 20 = 12 THEN NULL WHEN caller %% 17 = 0 OR caller %% 3 <> 0 THEN 'MOBILE' ELSE 'FIXED' END,
    CASE WHEN j %% 20 <> 12 AND caller %% 17 <> 0 AND caller %% 3 = 0 THEN 'Paris' END, j %% 20 <= 12,
    number_e164, did_hash, CASE WHEN target THEN target_number END, CASE WHEN target THEN 'FR' END,
    CASE WHEN target THEN 'FIXED' END, CASE WHEN disposition NOT IN ('unassigned', 'expired') THEN app_hash END,
    source, medium, campaign, CASE WHEN platform AND r_extra < 0.3 THEN '1,2' END,
    CASE WHEN answered AND r_extra > 0.9 THEN 1000 + floor(r_ring * 20000)::bigint ELSE 0 END,
    CASE WHEN disposition = 'voicemail' OR (answered AND records)
         THEN upper(lpad(to_hex(n * 2654435761 %% 4294967296), 8, '0')) END,
    CASE WHEN disposition = 'voicemail' THEN 'voicemail' WHEN answered AND records THEN 'call' END,
    disposition = 'voicemail' OR (answered AND records)
FROM met
"""

_LEG_COLUMNS = (
    "account_id, call_id, id, engine_leg_id, role, position, number, number_country, number_line_type, started_at,"
    " ringing_at, answered_at, ended_at, cause, hangup_by, disposition, raw, codec, talk_s, total_s, billed_s"
)
_OF_MONTH = "account_id = %(account)s AND started_at >= %(from)s AND started_at < %(to)s"

CALLER_LEGS = f"""
INSERT INTO legs ({_LEG_COLUMNS})
SELECT account_id, id, id, node || '-' || id, 'caller', 0, caller_number, caller_country, caller_line_type, started_at,
       NULL, caller_answered_at, ended_at, hangup_cause, hangup_by, disposition, NULL, 'alaw', connected_s, total_s,
       ceil(connected_s / 60.0)::int * 60
FROM calls WHERE {_OF_MONTH}
"""

TARGET_LEGS = f"""
WITH dialled AS (
    SELECT *, CASE WHEN answered_at IS NOT NULL AND ring_s >= 20 THEN 12 ELSE 1 END AS last_s,
           CASE WHEN disposition IN ('answered', 'busy', 'rejected', 'invalid_number', 'failed') THEN disposition
                ELSE 'no_answer' END AS last_disposition,
           coalesce(answered_at, caller_answered_at, ended_at) AS rung_until
    FROM calls WHERE {_OF_MONTH} AND destination_number IS NOT NULL
), tried AS (
    SELECT *, last_s AS begin_s, CASE last_s WHEN 1 THEN 1 ELSE 2 END AS position, last_disposition AS ended_as,
           CASE WHEN answered_at IS NULL THEN rung_until ELSE ended_at END AS over_at, answered_at AS up_at
    FROM dialled
    UNION ALL
    SELECT *, 1, 1, 'no_answer', started_at + interval '12 s', NULL FROM dialled WHERE last_s = 12
)
INSERT INTO legs ({_LEG_COLUMNS})
SELECT account_id, id, id + position, node || '-' || (id + position), 'target', position, destination_number,
       destination_country, destination_line_type, started_at + make_interval(secs => begin_s),
       started_at + make_interval(secs => begin_s), up_at, over_at,
       CASE ended_as WHEN 'no_answer' THEN 19 ELSE hangup_cause END, hangup_by, ended_as, upper(ended_as), 'alaw',
       CASE WHEN up_at IS NULL THEN 0 ELSE talk_s END,
       greatest(0, extract(epoch FROM over_at - started_at)::int - begin_s),
       CASE WHEN up_at IS NULL THEN 0 ELSE billed_s END
FROM tried
"""

RECORDINGS = f"""
INSERT INTO recordings (account_id, hash, call_id, kind, path, status, started_at, duration_ms, size_bytes)
SELECT account_id, recording_hash, id, recording_kind, id::text, 'ready', caller_answered_at, connected_s * 1000,
       connected_s * 16000
FROM calls WHERE {_OF_MONTH} AND recording_hash IS NOT NULL
"""

SUMS = f"""
INSERT INTO call_hours (
    account_id, dimension, key, hour_at, calls, answered, ring_s, talk_s, total_s, connected_s, handled_s, billed_s, revenue_minor,
    credit_micro)
SELECT %(account)s,
       CASE WHEN grouping(property_id) = 0 THEN 'property' WHEN grouping(did_hash) = 0 THEN 'did'
            WHEN grouping(app_hash) = 0 THEN 'app' WHEN grouping(source) = 0 THEN 'source'
            WHEN grouping(disposition) = 0 THEN 'disposition' ELSE 'account' END,
       coalesce(property_id::text, did_hash || '/', app_hash, source, disposition, ''), hour_at,
       count(*), count(answered_at), sum(ring_s), sum(talk_s), sum(total_s), sum(connected_s), sum(handled_s), sum(billed_s),
       sum(revenue_minor), sum(revenue_minor) * 10000
FROM (SELECT *, date_trunc('hour', started_at) AS hour_at FROM calls WHERE {_OF_MONTH}) c
GROUP BY GROUPING SETS ((hour_at), (hour_at, property_id), (hour_at, did_hash), (hour_at, app_hash), (hour_at, source),
                        (hour_at, disposition))
"""

DAYS = """
INSERT INTO call_days SELECT account_id, dimension, key, date_trunc('day', hour_at, 'UTC'), sum(calls)
FROM call_hours WHERE dimension IN ('account', 'property', 'inbound', 'outbound') GROUP BY 1, 2, 3, 4
"""

INBOUND_SUMS = """
INSERT INTO call_hours SELECT account_id, 'inbound', hour_at, key, calls, answered, ring_s, talk_s, total_s, connected_s, handled_s,
       billed_s, revenue_minor, credit_micro, debit_micro
FROM call_hours WHERE dimension = 'account'
"""

OUTBOUND_SUMS = """
INSERT INTO call_hours (
    account_id, dimension, key, hour_at, calls, answered, ring_s, talk_s, total_s, connected_s, handled_s, billed_s, revenue_minor)
SELECT l.account_id, dimension, key, date_trunc('hour', l.started_at), count(*), count(l.answered_at), 0, sum(l.talk_s),
       sum(l.total_s), sum(l.talk_s), sum(l.talk_s), sum(l.talk_s), 0
FROM legs l JOIN calls c ON c.account_id = l.account_id AND c.id = l.call_id,
     LATERAL (VALUES ('outbound', ''), ('outbound_to', concat(c.app_hash, '/', l.number_country, '/'))) AS d (dimension, key)
WHERE l.role = 'target' GROUP BY 1, 2, 3, 4
"""

FIRST_CALLS = """
INSERT INTO first_calls (account_id, property_id, caller_number, call_id)
SELECT account_id, property_id, caller_number, id FROM calls WHERE caller_is_new AND NOT caller_withheld
ORDER BY account_id, property_id, caller_number
"""

COUNTERS = """
INSERT INTO call_counters (account_id, creation, change)
SELECT account_id, max(creation_seq), max(change_seq) FROM calls GROUP BY 1
"""
