import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_HDRLEN, NLMSGERR_ATTR_MSG } from '../abi/netlink.ts';
import { decodeAttributes, stringOf } from './attributes.ts';
import { align, LITTLE_ENDIAN, viewOf } from './bytes.ts';
import type { ReceivedMessage } from './message.ts';

/** What the kernel made of a request. */
export interface Ack {
  /** 0: done. Else positive, as in errno(3). */
  readonly errno: number;
  /** Extended ack: the kernel's own words, where it has any. */
  readonly text: string | undefined;
}

/**
 * Of an NLMSG_ERROR: `struct nlmsgerr` (i32 error, the request's header), the request's payload unless capped, then extended-ack
 * attributes if flagged (Documentation/userspace-api/netlink/intro.rst, "Ext ACK").
 */
export function decodeAck(message: ReceivedMessage): Ack {
  const view = viewOf(message.body);
  const errno = 0 - view.getInt32(0, LITTLE_ENDIAN);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  const requestLength = view.getUint32(4, LITTLE_ENDIAN);
  const offset = 4 + ((message.flags & NLM_F_CAPPED) === 0 ? align(requestLength) : NLMSG_HDRLEN);
  return { errno, text: stringOf(decodeAttributes(message.body.subarray(offset)), NLMSGERR_ATTR_MSG) };
}

/** Of an NLMSG_DONE: how a dump ended: i32 error, then extended-ack attributes if flagged. */
export function decodeDone(message: ReceivedMessage): Ack {
  if (message.body.length < 4) return { errno: 0, text: undefined };
  const errno = 0 - viewOf(message.body).getInt32(0, LITTLE_ENDIAN);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  return { errno, text: stringOf(decodeAttributes(message.body.subarray(4)), NLMSGERR_ATTR_MSG) };
}
