/** `node dns-client.mjs SERVER NAME QUERIES LOAD`: asks for a name, so many times, with so many questions under way; prints what came of it as JSON. */
import { createSocket } from 'node:dgram';
import { encode } from 'dns-packet';

const [server, name, queries, load] = process.argv.slice(2);
const total = Number(queries);
/** A question whose answer doesn't come is given up, and counted. */
const LOST_AFTER_MS = 1000;

const socket = createSocket('udp4');
const packet = encode({ type: 'query', id: 0, flags: 0x0100, questions: [{ type: 'A', name }] });
/** By id: when it was asked. */
const sentAt = new Map();
const latencies = [];
let sent = 0;
let lost = 0;
let started;

socket.on('message', (reply) => {
  const at = sentAt.get(reply.readUInt16BE(0));
  if (at === undefined) return;
  if ((reply.readUInt16BE(2) & 0xf) !== 0 || reply.readUInt16BE(6) === 0) throw new Error('not the answer that was expected');
  sentAt.delete(reply.readUInt16BE(0));
  latencies.push(performance.now() - at);
  next();
});
socket.connect(53, server, () => {
  started = performance.now();
  for (let i = 0; i < Number(load); i++) next();
});
const watch = setInterval(() => {
  for (const [id, at] of sentAt) {
    if (performance.now() - at < LOST_AFTER_MS) continue;
    sentAt.delete(id);
    lost++;
    next();
  }
}, LOST_AFTER_MS);

function next() {
  if (latencies.length + lost === total) end();
  if (sent === total) return;
  const id = sent++ % 0x10000;
  const query = Buffer.from(packet);
  query.writeUInt16BE(id, 0);
  sentAt.set(id, performance.now());
  socket.send(query);
}

function end() {
  const seconds = (performance.now() - started) / 1000;
  clearInterval(watch);
  socket.close();
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  console.log(JSON.stringify({ rate: latencies.length / seconds, p50: at(0.5), p99: at(0.99), lost }));
}
