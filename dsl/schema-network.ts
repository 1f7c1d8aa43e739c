/** The shapes of networks, of how services are on them, and of ports. */
import * as z from 'zod/mini';
import { flag, labels, number, oneOf, record, settings, text, textOrTexts, texts } from './schema-parts.ts';

export const attachment = settings({
  aliases: z.optional(texts),
  ipv4Address: z.optional(text),
  ipv6Address: z.optional(text),
  macAddress: z.optional(text),
  priority: z.optional(number),
});

export const port = settings({
  target: number,
  published: z.optional(z.union([number, text], { error: 'must be a port, or a range such as `8000-8010`' })),
  hostAddress: z.optional(text),
  protocol: z.optional(oneOf(['tcp', 'udp'])),
  public: z.optional(flag),
  strictPorts: z.optional(flag),
});

export const extraHosts = z.union([texts, record(textOrTexts)], {
  error: 'must be an object with names as keys, or a list of `name:address`',
});

const ipv6 = settings({ subnet: z.optional(text), gateway: z.optional(text), nat: z.optional(flag) });

/** Which of the two it is, `external.ts` finds out. */
const external = settings({
  stack: z.optional(text),
  network: z.optional(text),
  directory: z.optional(text),
  instance: z.optional(text),
  bridge: z.optional(text),
});

export const network = settings({
  driver: z.optional(oneOf(['bridge', 'macvlan'])),
  parent: z.optional(text),
  mode: z.optional(oneOf(['bridge', 'private', 'vepa', 'passthru'])),
  external: z.optional(z.union([text, external], { error: 'must be `stack/network`, `{ stack, network }` or `{ bridge }`' })),
  shared: z.optional(flag),
  internal: z.optional(flag),
  hostAccess: z.optional(flag),
  subnet: z.optional(text),
  gateway: z.optional(text),
  ipRange: z.optional(text),
  ipv6: z.optional(z.union([flag, ipv6], { error: 'must be true, false or `{ subnet, gateway, nat }`' })),
  mtu: z.optional(number),
  labels: z.optional(labels),
});

export type AttachmentShape = z.infer<typeof attachment>;
export type PortShape = z.infer<typeof port>;
export type ExtraHostsShape = z.infer<typeof extraHosts>;
export type NetworkShape = z.infer<typeof network>;
export type ExternalShape = z.infer<typeof external>;
