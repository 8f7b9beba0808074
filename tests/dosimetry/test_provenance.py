"""Digests: equal values give equal digests, any change another."""

import hashlib
import json
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosimetry.provenance import PACKAGES, canonical_json, digest_array, digest_json, package_versions

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(JSON)
def test_canonical_json_comes_back_and_is_stable(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), st.integers(), min_size=2, max_size=6))
def test_order_of_keys_does_not_matter(value):
    turned = dict(reversed(list(value.items())))
    assert digest_json(turned) == digest_json(value)


def test_text_is_as_short_as_it_can_be():
    assert canonical_json({"b": [1, 2.5, None, True], "a": "µ"}) == '{"a":"µ","b":[1,2.5,null,true]}'


def test_digest_is_the_sha256_of_the_text_in_utf8():
    assert digest_json({"a": "µ"}) == hashlib.sha256('{"a":"µ"}'.encode()).hexdigest()
    # SHA-256 of "{}".
    assert digest_json({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("other", [{"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": None}, {}])
def test_any_change_shows(other):
    assert digest_json(other) != digest_json({"a": 1})


def test_order_in_a_list_matters():
    assert digest_json([1, 2]) != digest_json([2, 1])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_has_no_digest(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_json({"dose_gy": value})


def test_what_json_cannot_say_has_no_digest():
    with pytest.raises(TypeError, match="not JSON serializable"):
        digest_json({"values": np.zeros(2)})


def test_array_digest_depends_on_values_shape_and_type_only():
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    digest = digest_array(array)
    assert digest == digest_array(array.copy())
    # The same values in another order of memory.
    assert digest == digest_array(np.asfortranarray(array))
    assert digest == digest_array(np.repeat(array, 2, axis=2)[:, :, ::2])
    changed = array.copy()
    changed[1, 2, 3] = np.nextafter(changed[1, 2, 3], np.float32(100.0))
    others = [changed, array.reshape(3, 2, 4), array.astype(np.float64), array.astype(">f4"), array[::-1]]
    digests = {digest, *(digest_array(other) for other in others)}
    assert len(digests) == len(others) + 1


def test_array_digest_is_the_sha256_of_type_shape_and_bytes():
    array = np.array([1, 2], dtype=np.uint8)
    assert digest_array(array) == hashlib.sha256(b"|u1(2,)\x01\x02").hexdigest()


def test_empty_arrays_of_other_shapes_differ():
    assert digest_array(np.zeros((0, 3))) != digest_array(np.zeros((3, 0)))


def test_versions_name_every_library_that_decides_numbers():
    versions = package_versions()
    assert set(versions) == set(PACKAGES)
    assert versions["numpy"] == np.__version__
    assert versions["icrp107-database"] == metadata.version("icrp107-database")
