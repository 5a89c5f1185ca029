"""What a translation runs in."""

import gc

import pytest

from addon.dialects import documents
from addon.dialects.documents import Unread
from addon.proxy.translation import undisturbed
from tests import pdfs


def test_the_collector_rests_and_works_on() -> None:
    assert gc.isenabled()
    with undisturbed({}):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_rests_already_rests_on() -> None:
    gc.disable()
    try:
        with undisturbed({}):
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_it_works_on_after_a_failure_too() -> None:
    with pytest.raises(ZeroDivisionError), undisturbed({}):
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_pdf_that_nobody_has_read_is_asked_for() -> None:
    encoded = pdfs.encoded(pdfs.pdf("of this test alone"))
    with undisturbed({}), pytest.raises(Unread):
        documents.text_of(encoded)
