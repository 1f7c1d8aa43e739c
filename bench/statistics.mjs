/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = ascending(numbers);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The smallest of the numbers that at least 95 % of them don't exceed: of fewer than 20, the largest. @param {readonly number[]} numbers */
export function p95(numbers) {
  return ascending(numbers)[Math.ceil(numbers.length * 0.95) - 1];
}

function ascending(numbers) {
  return [...numbers].sort((a, b) => a - b);
}
