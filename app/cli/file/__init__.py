"""Commands about the file itself: version, licences, bill of materials, manual, completion."""
