/** Two drawings at once would tear each other: each waits until the one before it has ended. */
export type DrawTurn = (draw: () => Promise<void>) => Promise<void>;

export function drawTurn(): DrawTurn {
  let last: Promise<void> = Promise.resolve();
  return (draw) => {
    // Whoever drew before has told of its own failure.
    last = last.then(draw, draw);
    return last;
  };
}
