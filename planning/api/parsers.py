from rest_framework.parsers import BaseParser


class RawParser(BaseParser):
    """Accept any content type and leave the stream unread for the handler."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None):
        return {}
