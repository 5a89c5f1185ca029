from addon.prompts.reader.house import house
from tests.prompts.reader.library import TOKEN, Reader


def test_a_page_finds_what_its_application_was_given(empty: Reader) -> None:
    with empty.app.app_context():
        assert house().token() == TOKEN
        assert house().again is None
