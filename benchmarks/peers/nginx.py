"""nginx's WebDAV PUT, with the buffer that made it fastest.

What lives here: its configuration. What must not: nginx as a proxy.
"""

from __future__ import annotations

from benchmarks.contender import Contender, Site, Way, program

__all__ = ["NGINX", "contender"]

NGINX = "nginx WebDAV PUT"
_CONF = """\
daemon off; worker_processes 1; pid {root}/nginx.pid; error_log stderr warn; user {user};
events {{ worker_connections 2048; }}
http {{
  access_log off; client_max_body_size 0; client_body_buffer_size 1m; client_body_temp_path {root}/temp;
  proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root {root}/files; location / {{ dav_methods PUT; }} }}
}}
"""


def contender() -> Contender:
    """One worker."""
    return Contender(NGINX, _command, Way(raw="/{name}"), lambda: program("nginx"))


def _command(site: Site) -> list[str]:
    conf = site.root / "nginx.conf"
    conf.write_text(_CONF.format(root=site.root, port=site.port, user=_owner(site)), encoding="utf-8")
    return ["nginx", "-p", str(site.root), "-c", str(conf), "-e", "stderr"]


def _owner(site: Site) -> str:
    """Whose folder it is: a worker of root's nginx would be nobody, who may not write there."""
    return site.root.owner()
