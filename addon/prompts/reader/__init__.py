"""The reader: the prompt log as web pages, rendered here and sent to this machine only.

``app`` makes the Flask application of what it is given (``house``), ``gate`` says who may read, ``pages`` has a module
for each group of pages. Everything that it shows was written by somebody else, so nothing is markup but the templates.
"""
