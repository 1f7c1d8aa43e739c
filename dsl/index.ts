/** What `import … from 'tsstack'` gives to a stack file. Every stack file loads this, so it imports no package. */
export type { FromInput, ImageBuilder } from './build-image.ts';
export { build, debian, from, ociImage } from './build-image.ts';
export { defineStack, hostRootfs, rootfs } from './define.ts';
export type { StackDefinition } from './definition.ts';
export type {
  Condition,
  DependencyInput,
  EnvFileInput,
  LimitsInput,
  MountInput,
  ServiceInput,
  StackContext,
  StackInput,
  UpdateInput,
  VolumeInput,
  VolumeText,
} from './input.ts';
export type { DevelopInput, WatchRuleInput } from './input-develop.ts';
export type { HealthcheckInput, HttpProbeInput } from './input-health.ts';
export type { HookCommand, HookEvent, HookExit, HookInput, HostHook } from './input-hooks.ts';
export type {
  BuildOptions,
  BuildStepInput,
  BuiltImageInput,
  CopyOptions,
  DebianInput,
  DebianOptions,
  DockerfileBuildInput,
  ImageInput,
  OciImageInput,
  ParentImageInput,
  RootfsInput,
  RunOptions,
} from './input-image.ts';
export type {
  AttachmentInput,
  ExternalNetworkInput,
  ExtraHostsInput,
  Ipv6Input,
  NetworkInput,
  NetworkModeInput,
  PortInput,
} from './input-network.ts';
export type { Duration, Labels, Size } from './input-values.ts';
export type { PublishedPort } from './spec.ts';
