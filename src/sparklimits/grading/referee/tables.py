"""A collected table as bytes of Arrow, and back: of plain columns only, and never larger than its bytes."""

from __future__ import annotations

import struct

import pandas as pd
import pyarrow as pa

from sparklimits.grading.referee.wire import WireError

#: Columns of a table.
_COLUMNS = 5_000
#: Rows times columns: each becomes a number or an object here, however few bytes it was.
_CELLS = 100_000_000


def packed(table: pd.DataFrame) -> bytes:
    """The table as a stream of Arrow, without its index.

    Raises:
        pyarrow.ArrowException: it holds what Arrow has no type for.
    """
    found = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as stream:
        stream.write_table(found)
    return sink.getvalue().to_pybytes()


def unpacked(content: bytes) -> pd.DataFrame:
    """The table that these bytes hold.

    Raises:
        WireError: they are no stream of Arrow, hold other types, or would become larger than they are.
    """
    try:
        for message in pa.ipc.MessageReader.open_stream(content):
            _refuse_compressed(message)
        with pa.ipc.open_stream(content) as stream:
            if len(stream.schema) > _COLUMNS:
                raise WireError(f"a table of {len(stream.schema):,} columns; {_COLUMNS:,} are allowed")
            for one in stream.schema:
                if not _is_plain(one.type):
                    raise WireError(f"a column of the type {one.type}, which is no plain one")
            table = stream.read_all()
        if (cells := table.num_rows * table.num_columns) > _CELLS:
            raise WireError(f"a table of {cells:,} cells; {_CELLS:,} are allowed")
        if table.nbytes > len(content):  # several columns share their bytes
            raise WireError("a table that is larger than its bytes")
        table.validate(full=True)
        return table.replace_schema_metadata(None).to_pandas()
    except WireError:
        raise
    except Exception as error:  # Arrow raises a different error for each way of being damaged
        raise WireError(f"a table that cannot be read ({type(error).__name__})") from error


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    return not pa.types.is_nested(kind) and (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    )


def _refuse_compressed(message: pa.ipc.Message) -> None:
    """Refuses a batch whose buffers are compressed: a few bytes could become all of the memory.

    Arrow reads such a batch without a question. That it is one stands in its metadata, a flatbuffer: the table
    ``Message`` has a ``header``, the table ``RecordBatch``, whose fourth field is its compression
    (https://github.com/apache/arrow/blob/main/format/Message.fbs).
    """
    if message.type == "record batch":
        buffer = message.metadata.to_pybytes()
        header = _field(buffer, struct.unpack_from("<I", buffer)[0], 2)
        batch = header + struct.unpack_from("<I", buffer, header)[0]
        if _field(buffer, batch, 3):
            raise WireError("a table that is compressed")


def _field(buffer: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer's table lies; 0 when the table has none."""
    layout = table - struct.unpack_from("<i", buffer, table)[0]
    (size,) = struct.unpack_from("<H", buffer, layout)
    if 4 + 2 * number >= size:
        return 0
    (offset,) = struct.unpack_from("<H", buffer, layout + 4 + 2 * number)
    return table + offset if offset else 0
