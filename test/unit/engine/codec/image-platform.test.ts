import { describe, expect, test } from 'vitest';
import { choosePlatform, formatPlatform, hostPlatform, parsePlatform, platformFits } from '../../../../engine/codec/image-platform.ts';

const entries = (...platforms: string[]) => platforms.map((text) => ({ text, platform: text === '-' ? undefined : parsePlatform(text) }));
const platform = (text: string) => parsePlatform(text) ?? { os: '', architecture: '' };

describe('platforms', () => {
  test.each([
    ['linux/amd64', ['linux/arm64', 'linux/amd64', 'windows/amd64'], 'linux/amd64'],
    ['linux/arm64', ['linux/arm/v7', 'linux/arm64/v8'], 'linux/arm64/v8'],
    ['linux/arm64/v8', ['linux/arm64'], 'linux/arm64'],
    ['linux/arm', ['linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6'], 'linux/arm/v7'],
    ['linux/arm/v6', ['linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6'], 'linux/arm/v6'],
    ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v5'], 'linux/arm/v5'],
    ['linux/amd64', ['linux/amd64/v3', 'linux/amd64'], 'linux/amd64'],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'], 'linux/amd64/v2'],
    ['linux/x86_64', ['linux/amd64'], 'linux/amd64'],
    ['linux/amd64', ['unknown/unknown', '-'], '-'],
    ['linux/amd64', ['-', 'linux/amd64'], 'linux/amd64'],
    ['linux/amd64', ['linux/amd64/v3', 'linux/s390x'], undefined],
    ['linux/arm/v6', ['linux/arm/v7', 'linux/arm64'], undefined],
  ])('%s out of %j is %s', (wanted, there, chosen) => {
    expect(choosePlatform(entries(...there), platform(wanted))?.text).toBe(chosen);
  });

  test("Node's names are turned into Go's", () => {
    expect(formatPlatform(hostPlatform('x64'))).toBe('linux/amd64');
    expect(formatPlatform(hostPlatform('arm64'))).toBe('linux/arm64');
  });

  test('an image runs on a host of its own architecture only', () => {
    expect(platformFits(platform('linux/amd64'), hostPlatform('x64'))).toBe(true);
    expect(platformFits(platform('linux/arm64/v8'), hostPlatform('x64'))).toBe(false);
  });

  test('what is not os/architecture is none', () => {
    expect(parsePlatform('amd64')).toBeUndefined();
    expect(parsePlatform('linux/arm/v7/x')).toBeUndefined();
  });
});
