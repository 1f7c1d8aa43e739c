#include "events.h"

#include "cleanup.h"
#include "frames.h"

#include <errno.h>
#include <linux/netconf.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/*
 * RECEIVE_BUFFER: of the kernel, for what comes while nobody reads; used only then. MESSAGE: a link's with all its
 * statistics is 2 KiB; nftables puts many in one. ROUNDS: reads before others have their turn; what is left comes back
 * with the next epoll_wait(2).
 */
enum { RECEIVE_BUFFER = 1024 * 1024, MESSAGE = 32 * 1024, ROUNDS = 128, CHANGES = 64 };

#ifndef NFNLGRP_NFTABLES
#define NFNLGRP_NFTABLES 7 /* linux/netfilter/nfnetlink.h */
#endif

/** One thing that changed. Two are the same if all is. */
struct change {
  const char *kind;
  bool deleted;
  int ifindex;
};

/** What was read and not told yet. */
struct changes {
  int engine;
  const char *container;
  size_t count;
  struct change list[CHANGES];
};

static int open_netlink(int protocol, const int *groups, size_t count)
{
  cleanup_fd int socket_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (socket_fd < 0 || bind(socket_fd, (struct sockaddr *)&address, sizeof address) < 0) return -1;
  int size = RECEIVE_BUFFER;
  /* Without the right to exceed net.core.rmem_max, as much as it allows. */
  if (setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
    setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  for (size_t i = 0; i < count; i++)
    if (setsockopt(socket_fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]) < 0) return -1;
  return take_fd(&socket_fd);
}

int events_open_links(void)
{
  static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_NETCONF,
                               RTNLGRP_TC};
  return open_netlink(NETLINK_ROUTE, groups, sizeof groups / sizeof *groups);
}

int events_open_rules(void)
{
  static const int groups[] = {NFNLGRP_NFTABLES};
  return open_netlink(NETLINK_NETFILTER, groups, 1);
}

static void add_origin(struct packet *packet, const char *container)
{
  packet_add(packet, container == NULL ? "host" : "container");
  if (container != NULL) packet_add(packet, container);
}

static void tell(struct changes *changes)
{
  for (size_t i = 0; i < changes->count; i++) {
    const struct change *change = &changes->list[i];
    struct packet packet = {.size = 0};
    packet_add(&packet, "event");
    packet_add(&packet, change->kind);
    packet_add(&packet, change->deleted ? "deleted" : "new");
    add_origin(&packet, changes->container);
    packet_add_number(&packet, change->ifindex);
    frames_tell(changes->engine, &packet);
  }
  changes->count = 0;
}

static void note(struct changes *changes, const char *kind, bool deleted, int ifindex)
{
  for (size_t i = 0; i < changes->count; i++) {
    const struct change *known = &changes->list[i];
    if (known->kind == kind && known->deleted == deleted && known->ifindex == ifindex) return;
  }
  if (changes->count == CHANGES) tell(changes);
  changes->list[changes->count++] = (struct change){.kind = kind, .deleted = deleted, .ifindex = ifindex};
}

/** Value of a u32 or s32 attribute of a message whose own header is `size` long; `otherwise` if it has none. */
static int attribute(const struct nlmsghdr *message, size_t size, unsigned short type, int otherwise)
{
  size_t offset = NLMSG_LENGTH(NLMSG_ALIGN(size));
  while (message->nlmsg_len >= offset + sizeof(struct rtattr)) {
    const struct rtattr *found = (const struct rtattr *)((const char *)message + offset);
    if (found->rta_len < sizeof *found || found->rta_len > message->nlmsg_len - offset) break;
    if ((found->rta_type & NLA_TYPE_MASK) == type && found->rta_len == RTA_LENGTH(sizeof(int))) {
      int value;
      memcpy(&value, RTA_DATA(found), sizeof value);
      return value;
    }
    offset += RTA_ALIGN(found->rta_len);
  }
  return otherwise;
}

/*
 * A bridge tells of its ports in the same group, as family AF_BRIDGE: there RTM_DELLINK is of a port that left, and the
 * link is still there (net/bridge/br_netlink.c, br_ifinfo_notify).
 */
static void note_link(struct changes *changes, const struct nlmsghdr *message)
{
  const struct ifinfomsg *link = NLMSG_DATA(message);
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof *link)) return;
  bool deleted = message->nlmsg_type == RTM_DELLINK && link->ifi_family != AF_BRIDGE;
  note(changes, "link", deleted, link->ifi_index);
}

static void note_address(struct changes *changes, const struct nlmsghdr *message)
{
  const struct ifaddrmsg *address = NLMSG_DATA(message);
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof *address)) return;
  note(changes, "address", message->nlmsg_type == RTM_DELADDR, (int)address->ifa_index);
}

/** The local table is the kernel's own shadow of the addresses, which are told of already. */
static void note_route(struct changes *changes, const struct nlmsghdr *message)
{
  const struct rtmsg *route = NLMSG_DATA(message);
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof *route) || route->rtm_table == RT_TABLE_LOCAL) return;
  note(changes, "route", message->nlmsg_type == RTM_DELROUTE, attribute(message, sizeof *route, RTA_OIF, 0));
}

/** Of all links at once or of those to come: NETCONFA_IFINDEX_ALL and _DEFAULT, which are negative. */
static void note_netconf(struct changes *changes, const struct nlmsghdr *message)
{
  int ifindex = attribute(message, sizeof(struct netconfmsg), NETCONFA_IFINDEX, 0);
  note(changes, "netconf", message->nlmsg_type == RTM_DELNETCONF, ifindex < 0 ? 0 : ifindex);
}

/** A qdisc, a class or a filter of a link. */
static void note_traffic_control(struct changes *changes, const struct nlmsghdr *message, bool deleted)
{
  const struct tcmsg *one = NLMSG_DATA(message);
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof *one)) return;
  note(changes, "traffic-control", deleted, one->tcm_ifindex);
}

static void note_message(struct changes *changes, const struct nlmsghdr *message)
{
  switch (message->nlmsg_type) {
  case RTM_NEWLINK:
  case RTM_DELLINK:
    note_link(changes, message);
    break;
  case RTM_NEWADDR:
  case RTM_DELADDR:
    note_address(changes, message);
    break;
  case RTM_NEWROUTE:
  case RTM_DELROUTE:
    note_route(changes, message);
    break;
  case RTM_NEWNETCONF:
  case RTM_DELNETCONF:
    note_netconf(changes, message);
    break;
  case RTM_NEWQDISC:
  case RTM_NEWTCLASS:
  case RTM_NEWTFILTER:
    note_traffic_control(changes, message, false);
    break;
  case RTM_DELQDISC:
  case RTM_DELTCLASS:
  case RTM_DELTFILTER:
    note_traffic_control(changes, message, true);
    break;
  }
}

static void tell_lost(int engine, const char *container)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "event");
  packet_add(&packet, "lost");
  add_origin(&packet, container);
  frames_tell(engine, &packet);
}

static char received[MESSAGE] __attribute__((aligned(NLMSG_ALIGNTO)));

/** Bytes in `received`, 0 if nothing is left. ENOBUFS: what came was more than the buffer holds (netlink(7)). */
static size_t receive(int socket, bool *lost)
{
  for (int tries = 0; tries < ROUNDS; tries++) {
    ssize_t got = recv(socket, received, sizeof received, 0);
    if (got > 0) return (size_t)got;
    if (got < 0 && errno == EAGAIN) return 0;
    if (errno != EINTR) *lost = true;
  }
  return 0;
}

void events_tell_links(int engine, int socket, const char *container)
{
  struct changes changes = {.engine = engine, .container = container};
  bool lost = false;
  size_t size;
  for (int round = 0; round < ROUNDS && (size = receive(socket, &lost)) > 0; round++) {
    unsigned left = (unsigned)size;
    for (struct nlmsghdr *message = (struct nlmsghdr *)received; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left))
      note_message(&changes, message);
  }
  tell(&changes);
  if (lost) tell_lost(engine, container);
}

void events_hear_rules(int engine, int socket)
{
  /* What was lost was of rules too: that they changed is all that is told. */
  bool lost = false;
  for (int round = 0; round < ROUNDS && receive(socket, &lost) > 0; round++) continue;
  events_tell_rules(engine);
}

void events_tell_rules(int engine)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "event");
  packet_add(&packet, "rules");
  frames_tell(engine, &packet);
}

static void tell_of_container(int engine, const char *kind, const char *container)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "event");
  packet_add(&packet, kind);
  packet_add(&packet, container);
  frames_tell(engine, &packet);
}

void events_tell_mounts(int engine, const char *container)
{
  tell_of_container(engine, "mounts", container);
}

void events_tell_oom(int engine, const char *container)
{
  tell_of_container(engine, "oom", container);
}
