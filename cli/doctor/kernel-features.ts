import type { Check, Finding, Host } from './host.ts';

/** Parts of the kernel that may be modules, and a function each has when it is loaded or built in. */
const FEATURES = [
  { name: 'bridge', module: 'bridge', symbol: 'br_add_if', needed: true },
  { name: 'veth', module: 'veth', symbol: 'veth_newlink', needed: true },
  { name: 'overlay', module: 'overlay', symbol: 'ovl_fill_super', needed: true },
] as const;

export const kernelFeatureChecks: readonly Check[] = FEATURES.map(({ name, module, symbol }) => (host) => {
  return findFeature(host, { name, module, symbol });
});

type Feature = { readonly name: string; readonly module: string; readonly symbol: string };

function findFeature(host: Host, { name, module, symbol }: Feature): Finding {
  if (host.exists(`/sys/module/${module}`)) return { name, status: 'ok', detail: 'in the kernel' };
  const modules = `/lib/modules/${host.kernelRelease}`;
  const listed = (file: string) => new RegExp(`/${module}\\.ko`).test(host.readText(`${modules}/${file}`) ?? '');
  if (listed('modules.builtin')) return { name, status: 'ok', detail: 'in the kernel' };
  if (listed('modules.dep')) return { name, status: 'ok', detail: 'as a module, loaded when first used' };
  // Some kernels come without a list of what they have; the names of their functions are always there (proc(5), kallsyms).
  const symbols = host.readText('/proc/kallsyms');
  if (symbols?.includes(` ${symbol}\n`)) return { name, status: 'ok', detail: 'in the kernel' };
  if (symbols === undefined) return { name, status: 'warning', detail: 'can’t be told: neither a list of modules nor of symbols' };
  return { name, status: 'missing', detail: 'not in this kernel', advice: `try \`modprobe ${module}\`, or use a kernel that has it` };
}
