"""`list` and `hlr`: countries, time zones, what a number is and where it is at home."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ringtrail.dialects.callr import DIALECT, lists
from ringtrail.ports.hlr import HlrUnavailableError, HomeNetwork
from ringtrail.services.lookups import Lookups
from tests.dialects.callr.conftest import Rpc, post
from tests.dialects.conftest import Serve
from tests.fixtures import World

FRANCE = {
    "capital_code": None, "continent_code": "EU", "country_code": "FR", "country_dialcode": "33",
    "country_en_label": "FRANCE", "country_fr_label": "FRANCE", "country_label": "france", "country_languages": "fr",
    "country_latitude": "46", "country_localcode": "0", "country_longitude": "2",
    "country_neighbours": "AD,BE,DE,IT,LU,MC,ES,CH", "country_number_length": "9", "country_tld": ".fr",
    "currency_code": "EUR",
}  # fmt: skip
NOTHING = {
    "country_code": None, "intl_code": None, "intl_number": None, "is_valid": False, "local_number": None,
    "local_prefix": None, "location": None, "type": None,
}  # fmt: skip


async def test_every_country_of_iso_3166_is_listed_by_its_code(rpc: Rpc) -> None:
    found = await rpc("list.countries")
    assert len(found) == 249
    assert found["FR"] == FRANCE
    assert (found["DE"]["country_fr_label"], found["DE"]["country_en_label"]) == ("ALLEMAGNE", "GERMANY")
    assert [found[code]["continent_code"] for code in ("US", "BR", "JP", "ZA", "AU", "AQ")] == [
        "NA", "SA", "AS", "AF", "OC", "AN",
    ]  # fmt: skip
    assert found["DE"]["country_number_length"].startswith("4,5,6")
    assert found["AQ"]["currency_code"] is None
    for code, country in found.items():
        assert country["country_code"] == code
        assert code not in country["country_neighbours"].split(",")
        latitude, longitude = country["country_latitude"], country["country_longitude"]
        assert latitude is None or (abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180), code


async def test_every_time_zone_is_listed_by_an_id_with_its_other_names(rpc: Rpc) -> None:
    found = await rpc("list.timezones")
    zones = {zone["iana"]: zone for zone in found.values()}
    assert len(zones) == len(found) > 300
    assert all(int(key) == zone["id"] > 0 for key, zone in found.items())
    assert zones["Europe/Paris"] == {
        "country_codes": ["FR", "MC"], "dst": "1", "iana": "Europe/Paris", "iana_names": ["Europe/Monaco"],
        "id": 536271506, "label": "Central European Time (Paris)",
    }  # fmt: skip
    assert "Asia/Calcutta" in zones["Asia/Kolkata"]["iana_names"]
    assert [zones[name]["dst"] for name in ("America/New_York", "Asia/Tokyo", "Australia/Sydney")] == ["1", "0", "1"]
    assert (zones["Etc/UTC"]["label"], zones["Etc/UTC"]["country_codes"]) == ("UTC", [])


@pytest.mark.parametrize("written", ["+33144556677", "01 44 55 66 77", "0033 1 44 55 66 77", "(01) 44.55-66.77"])
async def test_a_number_is_read_in_any_form(rpc: Rpc, written: str) -> None:
    assert await rpc("list.number_infos", written) == {
        "country_code": "FR", "intl_code": "33", "intl_number": "+33144556677", "is_valid": True,
        "local_number": "0144556677", "local_prefix": "0", "location": "Paris", "type": "FIXED",
    }  # fmt: skip


async def test_a_mobile_has_no_place_and_a_number_of_the_united_states_no_prefix(rpc: Rpc) -> None:
    mobile, american = [await rpc("list.number_infos", number) for number in ("+33612345678", "+12125550123")]
    assert (mobile["type"], mobile["location"]) == ("MOBILE", None)
    assert (american["local_number"], american["local_prefix"]) == ("2125550123", "")


@pytest.mark.parametrize(
    "written", ["", "hello", "+", "+33", "12", "+33000", "+999123456789", "\0", "9" * 400, None, 7, {}, []]
)
async def test_what_is_no_number_is_no_error(rpc: Rpc, written: Any) -> None:
    assert await rpc("list.number_infos", written) == NOTHING


async def test_a_number_must_be_given(fault: Rpc) -> None:
    assert await fault("list.number_infos") == (-32602, "INVALID_PARAM_FORMAT [number]")


def test_the_ids_of_time_zones_are_made_of_their_names_alone() -> None:
    assert all(lists.zone_id(zone.iana) == key for key, zone in lists.all_timezones().items())


# --- hlr ------------------------------------------------------------------------------------------------------------


async def test_without_a_provider_the_home_network_is_a_failure(rpc: Rpc) -> None:
    assert await rpc("hlr.get", "06 12 34 56 78") == {"mcc": None, "mnc": None, "state": "FAILURE"}


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("hello", (151, "PROPERTY_VALUE_ERROR [number]")),
        ("", (151, "PROPERTY_VALUE_ERROR [number]")),
        (None, (-32602, "INVALID_PARAM_FORMAT [number]")),
        (33612345678, (-32602, "INVALID_PARAM_FORMAT [number]")),
    ],
)
async def test_what_is_no_number_has_no_home_network(fault: Rpc, given: Any, answer: tuple[int, str]) -> None:
    assert await fault("hlr.get", given) == answer


class Registers:
    """An HLR provider that knows one number, and is away for another."""

    async def home_network(self, number_e164: str) -> HomeNetwork | None:
        if number_e164 == "+33612345679":
            raise HlrUnavailableError
        return HomeNetwork(mcc="208", mnc="01") if number_e164 == "+33612345678" else None


async def test_a_provider_is_asked_and_whatever_it_cannot_say_is_a_failure(world: World, serve: Serve) -> None:
    world.services = replace(world.services, lookups=Lookups(Registers()))
    client = await serve(DIALECT)
    answers = [(await post(client, "hlr.get", f"+3361234567{n}")).json()["result"] for n in (8, 9, 0)]
    failure = {"mcc": None, "mnc": None, "state": "FAILURE"}
    assert answers == [{"mcc": "208", "mnc": "01", "state": "SUCCESS"}, failure, failure]
