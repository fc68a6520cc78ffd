"""What the command `ajaxupload` runs on: the page that `ajaxupload serve` shows, and the server under it.

What lives here: `plan` (what a command line asks for, as a configuration), `serving` (the server), `site` (which path
is what), `shelf` (what lies in a local backend's folder), `download` (handing it out so that it can do no harm), `page`
(the HTML), and the page's style sheet and icon. What must not: storing; the page stands behind the middleware like any
other application.
"""
