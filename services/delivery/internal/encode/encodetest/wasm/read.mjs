// Reads Parquet files for the acceptance suite: a path in, one line of JSON out, {"columns": [[value or null]]} or {"error"}.
// Values are taken from Arrow's buffers as they are, because what the library makes of them for display loses digits: whole
// numbers come in digits, doubles as their bits in hex, texts and bytes in hex.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DataType, tableFromIPC } from 'apache-arrow';
import { readParquet } from 'parquet-wasm';

for await (const path of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { columns: columns(path) };
  } catch (cause) {
    answer = { error: String(cause) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}

function columns(path) {
  const table = tableFromIPC(readParquet(readFileSync(path)).intoIPCStream());
  return table.schema.fields.map((_, i) => table.getChildAt(i).data.flatMap(values));
}

// values of one batch. A batch may start inside its buffers: typed values are cut to it by the library, bits are not.
function values(data) {
  const spelled = new Array(data.length);
  for (let i = 0; i < data.length; i++) {
    spelled[i] = data.getValid(i) ? value(data, i) : null;
  }
  return spelled;
}

function value(data, i) {
  const type = data.type;
  if (DataType.isBool(type)) {
    const bit = data.offset + i;
    return String((data.values[bit >> 3] >> (bit & 7) & 1) === 1);
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    return Buffer.from(data.values.subarray(data.valueOffsets[i], data.valueOffsets[i + 1])).toString('hex');
  }
  if (DataType.isFloat(type)) {
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(data.values[i]);
    return bits.toString('hex');
  }
  if (DataType.isDecimal(type)) {
    return decimal(data.values.subarray(4 * i, 4 * i + 4));
  }
  return String(data.values[i]);
}

// decimal joins four little-endian words of a signed 128-bit number.
function decimal(words) {
  const joined = words.reduceRight((n, word) => n << 32n | BigInt(word), 0n);
  return String(BigInt.asIntN(128, joined));
}
