"""Carry bytes over one channel of an SSH connection."""

import contextlib
import threading
import time

import paramiko

from decodeat_ops.adapters.ssh.duplex import Broken, Came

_PIECE = 1 << 17  # bytes


class _Woken(threading.Event):
    """Wake whoever waits for either of two streams. A stream that is empty does not clear what the other one set."""

    def clear(self) -> None:
        """Leave it set: who waits clears it by `forget`, before the streams are looked at."""

    def forget(self) -> None:
        super().clear()


class ChannelDuplex:
    """Carry the bytes of a command that runs on a channel of paramiko, as `Duplex` says."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._transport: paramiko.Transport = channel.get_transport()
        self._woken = _Woken()
        channel.in_buffer.set_event(self._woken)
        channel.in_stderr_buffer.set_event(self._woken)

    @property
    def ended(self) -> bool:
        over = self._channel.eof_received or self._channel.closed  # nothing is added after that
        return over and not self._channel.recv_ready() and not self._channel.recv_stderr_ready()

    def write(self, content: memoryview, seconds: float) -> int:
        self._channel.settimeout(seconds)
        try:
            return int(self._channel.send(bytes(content[: self._channel.out_max_packet_size])))
        except TimeoutError:
            return 0
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._broken(error) from error

    def finish(self) -> None:
        try:
            self._channel.shutdown_write()
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._broken(error) from error

    def read(self, seconds: float) -> Came:
        self._woken.forget()
        came = self._taken()
        if came.out or came.err:
            return came
        if self._channel.eof_received or self._channel.closed:
            if not self._transport.is_active():
                raise self._broken(None)
            return came
        if seconds > 0:
            self._woken.wait(seconds)
            came = self._taken()
        return came

    def status(self, seconds: float) -> int | None:
        self._channel.status_event.wait(seconds)
        status = int(self._channel.exit_status)
        if status < 0 and not self._transport.is_active():
            raise self._broken(None)
        return status if status >= 0 else None

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()

    def _taken(self) -> Came:
        channel = self._channel
        channel.settimeout(0.0)
        out = channel.recv(_PIECE) if channel.recv_ready() else b""
        return Came(out, channel.recv_stderr(_PIECE) if channel.recv_stderr_ready() else b"")

    def _broken(self, error: Exception | None) -> Broken:
        deadline = time.monotonic() + 0.2
        while error is not None and self._transport.is_active() and time.monotonic() < deadline:
            time.sleep(0.01)  # the thread that reads may be about to say why
        cause = self._transport.get_exception() or error
        return Broken(str(cause or "").strip(".") or "the machine closed it")
