"""Which lesion is which."""

from dosimetry.segmentation.matching import KnownLesion, matched_lesions


def known(name: str, x: float, *, volume_ml: float = 0.0, reach_mm: float = 10.0) -> KnownLesion:
    return KnownLesion(name=name, centre_lps_mm=(x, 0.0, 0.0), volume_ml=volume_ml, reach_mm=reach_mm)


def test_each_place_gets_the_lesion_that_fits_and_the_rest_is_new():
    places = [(1.0, 0.0, 0.0), (52.0, 3.0, 0.0), (200.0, 0.0, 0.0)]
    assert matched_lesions(places, [known("b", 50.0), known("a", 0.0)]) == ("a", "b", None)


def test_two_places_near_one_lesion_do_not_both_become_it():
    # Together they fit best if the first takes the far one, though the near one is nearer to both.
    places = [(6.0, 0.0, 0.0), (2.0, 0.0, 0.0)]
    assert matched_lesions(places, [known("near", 0.0), known("far", 12.0)]) == ("far", "near")
    assert matched_lesions(places, [known("near", 0.0)]) == (None, "near")


def test_a_large_lesion_reaches_further_by_its_radius():
    # A sphere of 113 mL has a radius of 30 mm.
    place = [(35.0, 0.0, 0.0)]
    assert matched_lesions(place, [known("small", 0.0)]) == (None,)
    assert matched_lesions(place, [known("large", 0.0, volume_ml=113.1)]) == ("large",)


def test_a_pair_too_far_apart_does_not_cost_another_its_match():
    places = [(0.0, 0.0, 0.0), (500.0, 0.0, 0.0)]
    assert matched_lesions(places, [known("a", 1.0), known("b", 900.0)]) == ("a", None)


def test_nothing_found_and_nothing_known():
    assert matched_lesions([], [known("a", 0.0)]) == ()
    assert matched_lesions([(0.0, 0.0, 0.0)], []) == (None,)
