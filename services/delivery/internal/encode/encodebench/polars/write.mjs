// Writes an Arrow stream as Parquet with Polars, in one thread, and prints what it took: {"seconds", "peakRSS"}. Reading the
// input is left out, as it is for every encoder.
import pl from 'nodejs-polars';
import { readFileSync } from 'node:fs';

const [input, output, compression] = process.argv.slice(2);
const rows = pl.readIPCStream(readFileSync(input));
const begin = process.cpuUsage();
rows.writeParquet(output, { compression, rowGroupSize: 122880 });
const used = process.cpuUsage(begin);
console.log(JSON.stringify({ seconds: (used.user + used.system) / 1e6, peakRSS: process.resourceUsage().maxRSS * 1024 }));
