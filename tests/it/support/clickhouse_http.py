"""ClickHouse's HTTP interface over its engine as a Python module (chdb), for the tests.

Speaks what the `clickhouse` crate and curl use: statements in `query` or in the body, parameters (`param_x`, in the URL or as a form),
settings of one statement, `database`, `default_format`, inserts with their rows in the body, plain, gzip, or in ClickHouse's own LZ4
blocks; errors with the engine's text and code. Answers are never compressed. It knows no users, sessions or progress.

Every statement has an engine session of its own, so nothing of one can leak into the next, and statements run side by side.
Data survives a kill: tables are in the folder, not in the process.

usage: clickhouse_http.py PORT FOLDER
"""

import email
import email.policy
import gzip
import json
import re
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

# What the URL may carry that is no setting of the statement.
NOT_SETTINGS = {"query", "database", "default_format", "decompress", "compress", "query_id", "user", "password", "role",
                "enable_http_compression", "wait_end_of_query", "buffer_size"}
# An insert whose rows follow in the body.
INSERT = re.compile(r"\s*(INSERT\s+INTO\s.*?)\s+FORMAT\s+(\w+)\s*;?\s*", re.IGNORECASE | re.DOTALL)
# HTTP statuses of the errors a client meets, as ClickHouse gives them; every other one is a 500.
STATUS = {"27": 400, "36": 400, "43": 400, "47": 404, "60": 404, "62": 400, "81": 404, "115": 404}


class ProtocolError(Exception):
    """The request is none we understand."""


def lz4_block(packed, size):
    """Unpacks one LZ4 block of a known unpacked size."""
    out = bytearray()
    at = 0

    def length(nibble):
        nonlocal at
        total = nibble
        if nibble == 15:
            while True:
                more = packed[at]
                at += 1
                total += more
                if more != 255:
                    break
        return total

    while at < len(packed):
        token = packed[at]
        at += 1
        literals = length(token >> 4)
        out += packed[at:at + literals]
        at += literals
        if at >= len(packed):  # the last sequence has literals only
            break
        distance = packed[at] | packed[at + 1] << 8
        at += 2
        copied = length(token & 15) + 4
        if not 0 < distance <= len(out):
            raise ProtocolError("an LZ4 block points before its start")
        # What is copied may overlap what it makes: then it repeats.
        pattern = bytes(out[-distance:])
        out += (pattern * (copied // distance + 1))[:copied]
    if len(out) != size:
        raise ProtocolError("an LZ4 block has another size than it says")
    return bytes(out)


def clickhouse_blocks(data):
    """Unpacks ClickHouse's own framing: checksum (16 bytes, not checked), method, packed size with this header's 9 bytes, size."""
    out = []
    at = 0
    while at < len(data):
        method, packed_size, size = struct.unpack_from("<BII", data, at + 16)
        packed = data[at + 25:at + 16 + packed_size]
        if method == 0x82:
            out.append(lz4_block(packed, size))
        elif method == 0x02:
            out.append(packed)
        else:
            raise ProtocolError(f"compression method {method:#04x} is not known here")
        at += 16 + packed_size
    return b"".join(out)


def text(value):
    """A ClickHouse string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def run(arguments, body):
    """Runs one statement; returns the answer's bytes and the figures of its summary."""
    statement = arguments.get("query", "")
    insert = INSERT.fullmatch(statement)
    if not insert:
        statement = "\n".join(part for part in (statement, body.decode()) if part)
    session = Session(FOLDER)
    try:
        if "database" in arguments:
            session.query("USE `" + arguments["database"].replace("`", "\\`") + "`")
        for name, value in arguments.items():
            if name not in NOT_SETTINGS and not name.startswith("param_"):
                if not re.fullmatch(r"\w+", name):
                    raise ProtocolError(f"{name!r} is no name of a setting")
                session.query(f"SET {name} = {text(value)}")
        if insert:
            with session.send_insert(*insert.groups()) as rows:
                rows.append(body)
                return b"", {"written_rows": str(rows.finish().rows_written)}
        parameters = {name[len("param_"):]: value for name, value in arguments.items() if name.startswith("param_")}
        answer = session.query(statement, arguments.get("default_format", "TabSeparated"), params=parameters or None)
        return bytes(answer.bytes()) if answer.size() else b"", {"read_rows": str(answer.rows_read())}
    finally:
        session.close()


class Handler(BaseHTTPRequestHandler):
    """One connection, which may carry many requests."""

    protocol_version = "HTTP/1.1"
    # A head and a body in two small packets would wait for each other's acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def log_message(self, *_):
        """Says nothing of each request."""

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            # A client that goes away in the middle leaves an empty line, which is no number: nothing is inserted by halves.
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            body = b"".join(chunks)
        else:
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size)
            if len(body) < size:
                raise ProtocolError("the body ends early")
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def form(self, body):
        """The fields of a multipart form."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts()
        return {part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True).decode() for part in parts}

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        url = urlsplit(self.path)
        arguments = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            body = self.read_body()
            if url.path == "/ping" or not (body or "query" in arguments):
                self.answer(200, b"Ok.\n", {})
                return
            if self.headers.get_content_type() == "multipart/form-data":
                arguments.update(self.form(body))
                body = b""
            if arguments.get("decompress") == "1":
                body = clickhouse_blocks(body)
            found, summary = run(arguments, body)
            self.answer(200, found, {"X-ClickHouse-Summary": json.dumps(summary)})
        except Exception as error:  # whatever it is, the client is told
            # The engine's own text begins with its code; 1002 is ClickHouse's «unknown exception».
            message = re.sub(r"^.*?(?=Code: \d)", "", str(error), flags=re.DOTALL)
            code = re.match(r"Code: (\d+)", message)
            if not code:
                message = f"Code: 1002. DB::Exception: {message} (UNKNOWN_EXCEPTION)"
                self.close_connection = True  # where the next request begins is not known
            number = code.group(1) if code else "1002"
            self.answer(STATUS.get(number, 500), message.encode() + b"\n", {"X-ClickHouse-Exception-Code": number})

    do_GET = do_POST


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    FOLDER = sys.argv[2]
    engine = Session(FOLDER)  # stays open, so that the engine does
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
