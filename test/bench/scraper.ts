import { connect } from 'node:net';

/**
 * Scrapes 127.0.0.1:PORT over so many kept-alive connections for 2 s, each asking again as soon as it is answered. Prints
 * `{"perSecond", "p50", "p99"}`, times in ms. Speaks HTTP by itself, so that the client costs less than what it measures.
 */
const [port, connections] = process.argv.slice(2).map(Number);
const REQUEST = [
  'GET /metrics HTTP/1.1',
  'Host: localhost',
  'User-Agent: Prometheus/2.53.0',
  'Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1',
  'X-Prometheus-Scrape-Timeout-Seconds: 10',
  '\r\n',
].join('\r\n');
const WARM_UP_MS = 500;
const MEASURED_MS = 2000;

const times: number[] = [];
const begin = performance.now() + WARM_UP_MS;
const end = begin + MEASURED_MS;

for (let i = 0; i < connections!; i++) {
  const socket = connect(port!, '127.0.0.1').setNoDelay(true);
  let missing = -1;
  let sent = 0;
  const send = (): void => {
    sent = performance.now();
    missing = -1;
    socket.write(REQUEST);
  };
  socket.once('connect', send);
  socket.on('data', (chunk) => {
    if (missing < 0) {
      const head = chunk.indexOf('\r\n\r\n');
      const [, length] = /Content-Length: (\d+)/.exec(chunk.toString('latin1', 0, head))!;
      missing = Number(length) + head + 4;
    }
    missing -= chunk.length;
    if (missing > 0) return;
    const now = performance.now();
    if (sent >= begin && now <= end) times.push(now - sent);
    if (now < end) send();
    else socket.end();
  });
}

process.once('beforeExit', () => {
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  process.stdout.write(
    `${JSON.stringify({ perSecond: times.length / (MEASURED_MS / 1000), p50: at(0.5), p99: at(0.99) })}\n`,
  );
});
