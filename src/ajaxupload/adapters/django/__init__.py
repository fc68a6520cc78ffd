"""The Django door: a view that takes uploads, its settings, checks, signal and template tags.

What lives here: the name that users import. `INSTALLED_APPS += ["ajaxupload.adapters.django"]` brings the widget's
static files, the template tags and the system checks; the view works without it. What must not: a model, or an import
that needs Django's apps to be loaded.

    from ajaxupload.adapters.django import AjaxFileUploader
    urlpatterns = [path("upload/", AjaxFileUploader())]
"""

from __future__ import annotations

from ajaxupload.errors import MissingExtra

try:
    import django as _django
except ImportError as error:
    raise MissingExtra("the Django adapter", "Django", "django") from error

from .views import AjaxFileUploader

__all__ = ["AjaxFileUploader"]

del _django
