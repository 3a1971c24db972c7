"""A web server on this machine that misbehaves on demand."""

import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """How one request is answered; by default as a good server would."""

    status: int | None = None  # instead of the file
    cut: int | None = None  # the connection breaks after this many bytes of the body
    stall: float = 0.0  # seconds of silence after half of the body
    gate: threading.Event | None = None  # silence after half of the body until it is set
    length: int | None = None  # what Content-Length says, whatever is sent; -1: it is left out
    body: bytes | None = None  # instead of the file's content
    location: str | None = None  # redirect


@dataclass
class LocalServer:
    files: dict[str, bytes] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)  # to the next requests, in this order; good ones after
    paths_asked: list[str] = field(default_factory=list)  # one for each request
    content_type: str = "application/octet-stream"

    def __enter__(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer_with(server, self)

            def log_message(self, *args):
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self._thread = threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()

    def address(self, path):
        return f"http://127.0.0.1:{self._httpd.server_address[1]}/{path}"


def answer_with(server, handler):
    path = handler.path.lstrip("/")
    server.paths_asked.append(path)
    answer = server.answers.pop(0) if server.answers else Answer()
    if answer.location is not None:
        handler.send_response(302)
        handler.send_header("Location", answer.location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    content = server.files.get(path) if answer.body is None else answer.body
    if answer.status is not None or content is None:
        handler.send_error(answer.status or 404)
        return
    send(handler, answer, content, server.content_type)


def send(handler, answer, content, content_type):
    handler.send_response(200)
    if answer.length != -1:
        handler.send_header("Content-Length", str(len(content) if answer.length is None else answer.length))
    handler.send_header("Content-Type", content_type)
    handler.end_headers()
    body = content
    try:
        if answer.stall or answer.gate:
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            time.sleep(answer.stall)
            if answer.gate:
                answer.gate.wait()
            body = body[len(body) // 2 :]
        handler.wfile.write(body[: answer.cut])
        handler.wfile.flush()
        if answer.cut is not None or answer.length is not None:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
    except OSError:
        pass  # the client has gone
