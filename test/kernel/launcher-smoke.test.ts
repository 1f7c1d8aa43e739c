import { test, expect } from 'vitest';
import { openFixture } from './launcher-fixture.ts';
test('smoke', async () => {
  const f = openFixture();
  const r = await f.run('a', 'id; hostname; cat /proc/self/uid_map; cat /proc/self/mountinfo; ls -la / /dev; cat /proc/self/status | grep -E "Cap|NoNew|Secc"; ls -la /proc/self/fd; ps; ip a; echo err >&2; exit 3');
  console.log(r.stdout, r.stderr, r.status);
  await f.close();
});
