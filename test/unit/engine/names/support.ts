import { createRequire } from 'node:module';
import { decode, encode, type Packet, type Question } from 'dns-packet';
import type { NamedMember, NameTable } from '../../../../engine/model/names.ts';

export function member(container: string, names: readonly string[], ...addresses: readonly string[]): NamedMember {
  return { container, names: [`shop-${container}`, container, ...names], addresses };
}

/** `web` is on front, `api` (two of them) on front and back, `db` on back alone, and so on both families. */
export const TABLE: NameTable = {
  networks: {
    front: {
      listen: ['10.1.0.1', 'fd00:1::1'],
      members: [
        member('web-1', ['web'], '10.1.0.2', 'fd00:1::2'),
        member('api-1', ['api', 'backend.local'], '10.1.0.3'),
        member('api-2', ['api', 'backend.local'], '10.1.0.4'),
      ],
      shared: undefined,
    },
    back: { listen: ['10.2.0.1'], members: [member('api-1', ['api'], '10.2.0.3'), member('db-1', ['db'], '10.2.0.5')], shared: undefined },
  },
  clients: {
    'web-1': { networks: ['front'], upstream: [] },
    'api-1': { networks: ['front', 'back'], upstream: ['192.0.2.53'] },
    'api-2': { networks: ['front'], upstream: [] },
    'db-1': { networks: ['back'], upstream: [] },
  },
};

export interface Ask {
  readonly edns?: number;
  readonly class?: Question['class'];
  readonly id?: number;
  readonly ednsVersion?: number;
}

export function query(name: string, type: string, { edns, id = 4711, class: of = 'IN', ednsVersion = 0 }: Ask = {}): Buffer {
  const additionals: Packet['additionals'] =
    edns === undefined
      ? []
      : [{ type: 'OPT', name: '.', udpPayloadSize: edns, extendedRcode: 0, ednsVersion, flags: 0, flag_do: false, options: [] }];
  const question = { name, type, class: of } as Question;
  return encode({ type: 'query', id, flags: 0x0100, questions: [question], additionals });
}

/** As `dig +short` would show it: the code, then the data of the answers. */
export function shown(packet: Buffer): string {
  const { answers, flag_tc: truncated } = decode(packet);
  const data = (answers ?? []).map((answer) => ('data' in answer ? String(answer.data) : answer.type));
  return [rcode(packet), ...(truncated ? ['TC'] : []), ...data].join(' ');
}

export function rcode(packet: Buffer): string {
  // Its types leave the code out.
  const rcodes = createRequire(import.meta.url)('dns-packet/rcodes') as { toString: (code: number) => string };
  return rcodes.toString(packet.readUInt16BE(2) & 0xf);
}
