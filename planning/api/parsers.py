from rest_framework.parsers import BaseParser, JSONParser


class NumberTolerantJSONParser(JSONParser):
    """Read the words NaN and Infinity as numbers, so that the field that holds them says why it refuses."""

    strict = False


class RawParser(BaseParser):
    """Accept any content type and leave the stream unread for the handler."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None):
        return {}
