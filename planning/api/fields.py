"""Fields of input serializers that every noun uses."""

import math

from rest_framework import serializers


class FiniteFloatField(serializers.FloatField):
    """A number that can be measured: NaN passes every comparison of a limit, so it is refused at the boundary."""

    default_error_messages = {"not_finite": "A finite number is required, not NaN or infinity."}

    def to_internal_value(self, data):
        try:
            value = super().to_internal_value(data)
        except OverflowError:  # an integer that is larger than any float
            self.fail("not_finite")
        if not math.isfinite(value):
            self.fail("not_finite")
        return value
