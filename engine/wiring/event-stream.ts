import type { EngineEvent, OnEvent } from '../model/events.ts';

/** What a call tells by calling back, for who would rather ask for the next. Ends with the call, and throws what it rejects with. */
export async function* eventStream(call: (onEvent: OnEvent) => Promise<unknown>): AsyncIterable<EngineEvent> {
  const queue: EngineEvent[] = [];
  let wake: () => void = () => undefined;
  let over = false;
  const ended = call((event) => {
    queue.push(event);
    wake();
  });
  const finish = () => {
    over = true;
    wake();
  };
  ended.then(finish, finish);
  for (;;) {
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
    if (over) break;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  await ended;
}
