import { expect, test } from 'vitest';
import { linkExecutors } from '../../../../engine/kernel/links.ts';
import type { NetworkNamespaces } from '../../../../engine/kernel/network-namespaces.ts';
import type { BridgeSpec, VethSpec } from '../../../../engine/model/resources.ts';
import { RtnetlinkConnection } from '../../../../native/netlink/connection.ts';
import { ack, done, linkRecord, ScriptedTransport, type SentMessage } from '../../native/netlink/scripted-transport.ts';

const NEWLINK = 16;
const DELLINK = 17;
const GETLINK = 18;
const SETLINK = 19;
const EXISTS = 17;
const UNSUPPORTED = 95;
const NO_IPV6 = 97;
const DUMP = 0x300;

const BRIDGE: BridgeSpec = { type: 'bridge', ifname: 'ts-br', ifalias: 'tsstack:shop/default#1', group: 7, mtu: undefined };
const VETH: VethSpec = {
  ...BRIDGE,
  type: 'veth',
  hairpin: false,
  ifname: 'ts-v',
  master: 'ts-br',
  container: 'web-1',
  peerIfname: 'eth0',
  peerAddress: '02:00:00:00:00:02',
};
const { signal } = new AbortController();

/** A kernel that refuses the nth message of a type with an errno. `5` is the ifindex of all that is asked for by name. */
function kernel(refusals: Readonly<Record<number, readonly (number | undefined)[]>> = {}): ScriptedTransport {
  const counts = new Map<number, number>();
  const errnoFor = (type: number) => {
    const count = counts.get(type) ?? 0;
    counts.set(type, count + 1);
    return refusals[type]?.[count] ?? 0;
  };
  const answer = ({ type, flags, sequence }: SentMessage) => {
    if (type !== GETLINK) return ack(sequence, errnoFor(type));
    return (flags & DUMP) === DUMP ? done(sequence) : linkRecord(sequence, 5, 'ts-br');
  };
  return new ScriptedTransport((messages) => messages.map(answer));
}

function executorsOn(host: ScriptedTransport, container = kernel()) {
  const connections = { host: new RtnetlinkConnection(host), container: new RtnetlinkConnection(container) };
  const namespaces: NetworkNamespaces = {
    host: connections.host,
    container: () => connections.container,
    initPid: () => 1234,
    inside: (_netns, work) => work(),
    forget: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
  const executors = linkExecutors({ namespaces });
  return (link: BridgeSpec | VethSpec) => executors['link.create']({ kind: 'link.create', link }, signal);
}

/** What was sent, send by send, questions left out. */
const changes = (transport: ScriptedTransport) =>
  transport.sends.map((send) => send.map(({ type }) => type)).filter((types) => !types.includes(GETLINK));

test('a bridge takes one send', async () => {
  const host = kernel();
  await executorsOn(host)(BRIDGE);
  expect(changes(host)).toEqual([[NEWLINK, SETLINK, SETLINK]]);
});

test('veths that are made at once take one send on the host, and one question for their bridge', async () => {
  const [host, container] = [kernel(), kernel()];
  const create = executorsOn(host, container);
  await create(BRIDGE);
  await Promise.all([create(VETH), create(VETH), create(VETH)]);
  const veth = [NEWLINK, SETLINK, SETLINK];
  expect(changes(host)).toEqual([veth, [...veth, ...veth, ...veth]]);
  expect(changes(container)).toEqual([[SETLINK, SETLINK, SETLINK, SETLINK, SETLINK, SETLINK]]);
  expect(host.sends.flat().filter(({ type }) => type === GETLINK)).toHaveLength(1);
});

test('a kernel without IPv6 has no link-local address to turn off', async () => {
  const host = kernel({ [SETLINK]: [NO_IPV6] });
  await executorsOn(host)(BRIDGE);
  expect(changes(host)).toHaveLength(1);
});

test('a kernel without bridges gets a hint', async () => {
  await expect(executorsOn(kernel({ [NEWLINK]: [UNSUPPORTED], [SETLINK]: [19, 19] }))(BRIDGE)).rejects.toMatchObject({
    message: 'cannot create link `ts-br`: RTM_NEWLINK failed with EOPNOTSUPP (bridge)',
    hint: 'this kernel has no `bridge` support; try `modprobe bridge`, or run `tsstack doctor`',
    code: 'kernel',
  });
});

test('a link that cannot be set up is deleted again, and the first error told', async () => {
  const host = kernel({ [SETLINK]: [undefined, 22] });
  await expect(executorsOn(host)(BRIDGE)).rejects.toThrow('cannot create link `ts-br`: RTM_SETLINK failed with EINVAL');
  expect(changes(host)).toEqual([[NEWLINK, SETLINK, SETLINK], [DELLINK]]);
});

test('a link that was not created is not deleted', async () => {
  const host = kernel({ [NEWLINK]: [22], [SETLINK]: [19, 19] });
  await expect(executorsOn(host)(BRIDGE)).rejects.toThrow('RTM_NEWLINK failed with EINVAL (bridge)');
  expect(changes(host)).toHaveLength(1);
});

test('a veth whose container end cannot be set up is deleted from the host', async () => {
  const host = kernel();
  await expect(executorsOn(host, kernel({ [SETLINK]: [undefined, 1] }))(VETH)).rejects.toMatchObject({
    message: 'cannot create link `ts-v`: RTM_SETLINK failed with EPERM',
    code: 'permission',
  });
  expect(changes(host)).toEqual([[NEWLINK, SETLINK, SETLINK], [DELLINK]]);
});

test('if a half-made link cannot be deleted either, both errors are told', async () => {
  await expect(executorsOn(kernel({ [SETLINK]: [undefined, 22], [DELLINK]: [16] }))(BRIDGE)).rejects.toThrow(
    'cannot create link `ts-br`: RTM_SETLINK failed with EINVAL; and deleting it again: RTM_DELLINK failed with EBUSY',
  );
});

test('one veth that fails leaves the others of its send alone', async () => {
  const host = kernel({ [NEWLINK]: [undefined, 22] });
  const create = executorsOn(host);
  const settled = await Promise.allSettled([create(VETH), create(VETH), create(VETH)]);
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('a link in the way is named with its mark', async () => {
  await expect(executorsOn(kernel({ [NEWLINK]: [EXISTS], [SETLINK]: [19, 19] }))(BRIDGE)).rejects.toMatchObject({
    message: 'cannot create link `ts-br`: a link of that name is already there, without a mark of ours',
    hint: 'remove it (`ip link delete ts-br`) if nothing needs it',
    code: 'obstacle',
  });
});
