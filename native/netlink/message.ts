import { NLMSG_HDRLEN } from '../abi/netlink.ts';
import { align, LITTLE_ENDIAN, viewOf } from './bytes.ts';

/** What is asked of the kernel. The connection adds the sequence number, NLM_F_REQUEST and what kind of answer it wants. */
export interface Message {
  /** RTM_… */
  readonly type: number;
  /** NLM_F_CREATE and the like. */
  readonly flags: number;
  /** The family's header and attributes. */
  readonly body: Uint8Array;
  /** What it is about, for errors: `bridge`. */
  readonly about?: string;
}

/** One message of a datagram. `body` is a view into it. */
export interface ReceivedMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** `struct nlmsghdr` and body, padded so that another message can follow. Pid 0: the kernel knows the sender. */
export function encodeMessage(
  message: { readonly type: number; readonly flags: number; readonly body: Uint8Array },
  sequence: number,
): Uint8Array {
  const length = NLMSG_HDRLEN + message.body.length;
  const bytes = new Uint8Array(align(length));
  const view = viewOf(bytes);
  view.setUint32(0, length, LITTLE_ENDIAN);
  view.setUint16(4, message.type, LITTLE_ENDIAN);
  view.setUint16(6, message.flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  bytes.set(message.body, NLMSG_HDRLEN);
  return bytes;
}

/** All messages of a datagram. Throws RangeError if one reaches past its end. */
export function decodeMessages(datagram: Uint8Array): readonly ReceivedMessage[] {
  const view = viewOf(datagram);
  const messages: ReceivedMessage[] = [];
  for (let offset = 0; offset + NLMSG_HDRLEN <= datagram.length; ) {
    const length = view.getUint32(offset, LITTLE_ENDIAN);
    if (length < NLMSG_HDRLEN || offset + length > datagram.length) {
      throw new RangeError(`netlink message of ${length} bytes at ${offset} of ${datagram.length}`);
    }
    messages.push({
      type: view.getUint16(offset + 4, LITTLE_ENDIAN),
      flags: view.getUint16(offset + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(offset + 8, LITTLE_ENDIAN),
      body: datagram.subarray(offset + NLMSG_HDRLEN, offset + length),
    });
    offset += align(length);
  }
  return messages;
}
