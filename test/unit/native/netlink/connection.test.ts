import { expect, test } from 'vitest';
import { RtnetlinkConnection } from '../../../../native/netlink/connection.ts';
import type { ReceivedMessage } from '../../../../native/netlink/message.ts';
import { ack, done, record, ScriptedTransport, type SentMessage } from './scripted-transport.ts';

const BRIDGE = { type: 16, flags: 0x600, body: new Uint8Array(16), about: 'bridge' };
const LINKS = { type: 18, flags: 0, body: new Uint8Array(16) };

const willing = (messages: readonly SentMessage[]) => messages.map(({ sequence }) => ack(sequence));
const numberOf = ({ body }: ReceivedMessage) => new DataView(body.buffer, body.byteOffset).getUint32(0, true);

test('all requests of one turn go out in one send, also those made by promises that were ready', async () => {
  const transport = new ScriptedTransport(willing);
  const connection = new RtnetlinkConnection(transport);
  const late = async () => {
    await null;
    await null;
    await connection.request(BRIDGE);
  };
  await Promise.all([connection.request(BRIDGE), late(), connection.request(BRIDGE)]);
  expect(transport.sends.map((send) => send.map(({ type, flags }) => [type, flags]))).toEqual([
    [
      [16, 0x605],
      [16, 0x605],
      [16, 0x605],
    ],
  ]);
});

test('each message has a sequence number of its own', async () => {
  const transport = new ScriptedTransport(willing);
  const connection = new RtnetlinkConnection(transport);
  await Promise.all([connection.request(BRIDGE), connection.request(BRIDGE)]);
  await connection.request(BRIDGE);
  expect(transport.sends.flat().map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
});

test('each request is settled by its own ack, in whatever order they come', async () => {
  const transport = new ScriptedTransport((messages) =>
    messages.toReversed().map(({ sequence }) => ack(sequence, sequence === 2 ? 17 : 0)),
  );
  const connection = new RtnetlinkConnection(transport);
  const settled = await Promise.allSettled([connection.request(BRIDGE), connection.request(BRIDGE), connection.request(BRIDGE)]);
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('a refusal names the message, the errno, what it was about and the kernel’s own words', async () => {
  const connection = new RtnetlinkConnection(new ScriptedTransport(([first]) => [ack(first?.sequence ?? 0, 95, 'Unknown device type.')]));
  await expect(connection.request(BRIDGE)).rejects.toMatchObject({
    message: 'RTM_NEWLINK failed with EOPNOTSUPP (bridge): Unknown device type',
    code: 'EOPNOTSUPP',
    errno: 95,
  });
});

test('a batch is split where its acks would not fit', async () => {
  const transport = new ScriptedTransport(willing);
  const connection = new RtnetlinkConnection(transport);
  await Promise.all(Array.from({ length: 600 }, () => connection.request(BRIDGE)));
  expect(transport.sends.map((send) => send.length)).toEqual([256, 256, 88]);
});

test('a batch is split where its bytes would not fit', async () => {
  const transport = new ScriptedTransport(willing);
  const connection = new RtnetlinkConnection(transport);
  const long = { type: 16, flags: 0, body: new Uint8Array(30_000) };
  await Promise.all([connection.request(long), connection.request(long), connection.request(long)]);
  expect(transport.sends.map((send) => send.length)).toEqual([2, 1]);
});

test('when answers are lost, what was answered is settled and the rest rejected', async () => {
  const lost = Object.assign(new Error('recv failed with ENOBUFS'), { code: 'ENOBUFS' });
  const transport = new ScriptedTransport(([first]) => [ack(first?.sequence ?? 0), lost, ack(99)]);
  const connection = new RtnetlinkConnection(transport);
  const settled = await Promise.allSettled([connection.request(BRIDGE), connection.request(BRIDGE)]);
  expect(settled).toEqual([
    { status: 'fulfilled', value: undefined },
    { status: 'rejected', reason: lost },
  ]);
  expect(transport.left).toBe(0);
});

test('a request that gets no answer is rejected', async () => {
  const connection = new RtnetlinkConnection(new ScriptedTransport(() => []));
  await expect(connection.request(BRIDGE)).rejects.toThrow('RTM_NEWLINK failed with EPROTO (bridge): the kernel did not answer');
});

test('a send that fails rejects its requests and no others', async () => {
  let broken = true;
  const transport = new ScriptedTransport((messages) => {
    if (broken) throw new Error('send failed with EMSGSIZE');
    return willing(messages);
  });
  const connection = new RtnetlinkConnection(transport);
  await expect(connection.request(BRIDGE)).rejects.toThrow('EMSGSIZE');
  broken = false;
  await connection.request(BRIDGE);
});

test('a dump is collected over datagrams until it is done', () => {
  const transport = new ScriptedTransport(([first]) => {
    const sequence = first?.sequence ?? 0;
    return [Buffer.concat([record(sequence, 1), record(sequence, 2)]), record(sequence, 3), done(sequence)];
  });
  const connection = new RtnetlinkConnection(transport);
  expect(connection.dump(LINKS, numberOf)).toEqual([1, 2, 3]);
  expect(transport.sends).toEqual([[{ type: 18, flags: 0x301, sequence: 1 }]]);
});

test('a dump that was interrupted is begun again, and what it brought forgotten', () => {
  const transport = new ScriptedTransport(([first]) => {
    const sequence = first?.sequence ?? 0;
    return sequence === 1
      ? [record(sequence, 1), record(sequence, 2, 0x12), done(sequence)]
      : [record(sequence, 7), done(sequence, { flags: sequence === 2 ? 0x12 : 2 })];
  });
  const connection = new RtnetlinkConnection(transport);
  expect(connection.dump(LINKS, numberOf)).toEqual([7]);
  expect(transport.sends).toHaveLength(3);
});

test('a dump that is interrupted for ever fails', () => {
  const transport = new ScriptedTransport(([first]) => [done(first?.sequence ?? 0, { flags: 0x12 })]);
  const connection = new RtnetlinkConnection(transport);
  expect(() => connection.dump(LINKS, numberOf)).toThrow('RTM_GETLINK failed with EINTR: the table changed during each of 16 dumps');
});

test.each([
  ['at its beginning', (sequence: number) => [ack(sequence, 22)]],
  ['at its end', (sequence: number) => [record(sequence, 1), done(sequence, { errno: 22 })]],
])('a dump that is refused %s throws', (_, answers) => {
  const connection = new RtnetlinkConnection(new ScriptedTransport(([first]) => answers(first?.sequence ?? 0)));
  expect(() => connection.dump(LINKS, numberOf)).toThrow('RTM_GETLINK failed with EINVAL');
});

test('a record that cannot be decoded leaves nothing unread', () => {
  const transport = new ScriptedTransport(([first]) => [
    record(first?.sequence ?? 0, 1),
    record(first?.sequence ?? 0, 2),
    done(first?.sequence ?? 0),
  ]);
  const connection = new RtnetlinkConnection(transport);
  const decode = () => {
    throw new RangeError('odd');
  };
  expect(() => connection.dump(LINKS, decode)).toThrow('odd');
  expect(transport.left).toBe(0);
});

test('a query takes the answer to its own question', () => {
  const connection = new RtnetlinkConnection(new ScriptedTransport(([first]) => [record(77, 1), record(first?.sequence ?? 0, 2)]));
  expect(connection.query(LINKS, numberOf)).toBe(2);
});

test('a query for what is not there throws', () => {
  const connection = new RtnetlinkConnection(new ScriptedTransport(([first]) => [ack(first?.sequence ?? 0, 19)]));
  expect(() => connection.query({ ...LINKS, about: 'eth7' }, numberOf)).toThrow('RTM_GETLINK failed with ENODEV (eth7)');
});

test('closing rejects what was not sent, and all that comes later', async () => {
  const transport = new ScriptedTransport(willing);
  const connection = new RtnetlinkConnection(transport);
  const waiting = connection.request(BRIDGE);
  connection[Symbol.dispose]();
  await expect(waiting).rejects.toThrow('closed');
  await expect(connection.request(BRIDGE)).rejects.toThrow('closed');
  expect(() => connection.dump(LINKS, numberOf)).toThrow('closed');
  expect(transport).toMatchObject({ closed: true, sends: [] });
});

test('a large batch, and what is said to take long, go through a second socket each, one after the other', async () => {
  const transport = new ScriptedTransport(willing);
  const asides: ScriptedTransport[] = [];
  const connection = new RtnetlinkConnection(transport, () => {
    expect(asides.map(({ closed }) => closed)).not.toContain(false);
    const aside = new ScriptedTransport((messages) => messages.map(({ sequence }) => ack(sequence, sequence === 3 ? 17 : 0)));
    asides.push(aside);
    return aside;
  });
  const many = Promise.allSettled(Array.from({ length: 8 }, () => connection.request(BRIDGE)));
  expect((await many).map(({ status }) => status).indexOf('rejected')).toBe(2);
  await Promise.all([connection.requestAside(BRIDGE), connection.requestAside(BRIDGE), connection.request(BRIDGE)]);
  expect(asides.map(({ sends, closed }) => ({ sends: sends.map((send) => send.length), closed }))).toEqual(
    [8, 1, 1].map((length) => ({ sends: [length], closed: true })),
  );
  expect(transport.sends.map((send) => send.length)).toEqual([1]);
});

test('a second socket that fails, or can’t be had, rejects what it was to send', async () => {
  const fail = () => {
    throw new Error('no');
  };
  const failing = new ScriptedTransport(fail);
  const connection = new RtnetlinkConnection(new ScriptedTransport(willing), () => failing);
  await expect(connection.requestAside(BRIDGE)).rejects.toThrow('no');
  expect(failing.closed).toBe(true);
  await expect(new RtnetlinkConnection(new ScriptedTransport(willing), fail).requestAside(BRIDGE)).rejects.toThrow('no');
});
