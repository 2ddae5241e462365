"""A stored CALLTRACKING10 object, as the call controller reads it."""

from __future__ import annotations

from typing import Any

import pytest

from ringtrail.model.app import CallTrackingSettings, Target, VoicemailSettings, call_tracking_settings


def test_every_setting_that_a_call_acts_on_is_read() -> None:
    settings = call_tracking_settings(
        {
            "ga": {"ua": None},
            "medias": {"bridge": 4, "ringtone": 3, "welcome": 84, "whisper": 131},
            "options": {"record_calls": True, "feeds": "both"},
            "targets": [{"number": "+33987654321", "timeout": 20}, {"number": "+16467890800", "timeout": 300}],
            "vms": {"active": True, "intro": 7, "record": False, "timeout": 45, "emails": []},
        }
    )
    assert settings == CallTrackingSettings(
        targets=(
            Target(number_e164="+33987654321", ring_timeout_s=20),
            Target(number_e164="+16467890800", ring_timeout_s=300),
        ),
        welcome_media=84,
        ringtone_media=3,
        whisper_media=131,
        bridge_media=4,
        record_calls=True,
        voicemail=VoicemailSettings(active=True, intro_media=7, record=False, max_s=45),
    )


def test_an_empty_object_means_every_default() -> None:
    assert call_tracking_settings({}) == CallTrackingSettings()


@pytest.mark.parametrize("broken", [None, 7, "x", [], [None], {"number": 1}])
@pytest.mark.parametrize("key", ["medias", "options", "targets", "vms", "ga"])
def test_a_part_of_the_wrong_type_means_its_default(key: str, broken: object) -> None:
    assert call_tracking_settings({key: broken}) == CallTrackingSettings()


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"targets": [{"number": "+331"}]}, 30),
        ({"targets": [{"number": "+331", "timeout": None}]}, 30),
        ({"targets": [{"number": "+331", "timeout": True}]}, 30),
        ({"targets": [{"number": "+331", "timeout": "20"}]}, 30),
        ({"targets": [{"number": "+331", "timeout": 1}]}, 5),
        ({"targets": [{"number": "+331", "timeout": 301}]}, 300),
    ],
)
def test_a_ring_timeout_is_kept_within_its_range(params: dict[str, Any], expected: int) -> None:
    assert call_tracking_settings(params).targets[0].ring_timeout_s == expected


def test_a_target_without_a_number_is_left_out_and_the_order_of_the_others_is_kept() -> None:
    targets = [{"timeout": 20}, {"number": "+332"}, {"number": ""}, {"number": None}, "x", {"number": "+331"}]
    assert [t.number_e164 for t in call_tracking_settings({"targets": targets}).targets] == ["+332", "+331"]


@pytest.mark.parametrize(("timeout", "expected"), [(29, 30), (301, 300), (None, 120), (30, 30), (300, 300)])
def test_the_voicemail_length_is_kept_within_its_range(timeout: object, expected: int) -> None:
    assert call_tracking_settings({"vms": {"timeout": timeout}}).voicemail.max_s == expected


def test_a_negative_media_id_means_none() -> None:
    assert call_tracking_settings({"medias": {"welcome": -1}}).welcome_media == 0
