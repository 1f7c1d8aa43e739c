/** What `import … from 'tsstack'` gives to a stack file. Every stack file loads this, so it imports no package. */
export type { StackDefinition } from './define.ts';
export { defineStack, hostRootfs, rootfs } from './define.ts';
export type {
  AttachmentInput,
  Condition,
  Duration,
  EnvFileInput,
  HealthcheckInput,
  Labels,
  LimitsInput,
  MountInput,
  NetworkInput,
  PortInput,
  RootfsInput,
  ServiceInput,
  Size,
  StackContext,
  StackInput,
  VolumeInput,
  VolumeText,
} from './input.ts';
