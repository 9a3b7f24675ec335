/** How probes follow a file descriptor of the task at hand to the file: structures of the kernel, by BTF. */
import type { FieldSpec } from './metric.ts';
import type { HostNames } from './host-names.ts';
import { fileSystemNames } from './names.ts';
import { discrete, TEXT_BYTES } from './task-fields.ts';

/** Sets `$f` to the open file that `descriptor` stands for. */
export function openFile(descriptor: string): string {
  return (
    `$p = (uint64 *)kptr((uint64)curtask->files->fdt->fd + 8 * (uint64)(${descriptor})); ` +
    '$f = (struct file *)kptr(*$p);'
  );
}

export const IS_REGULAR = '($f->f_inode->i_mode & 0xf000) == 0x8000';

export const fileValues = {
  file: 'str($f->f_path.dentry->d_name.name)',
  fstype: '$f->f_inode->i_sb->s_magic',
  disk: '$f->f_inode->i_sb->s_dev',
} as const;

export function fileFields(names: HostNames): Readonly<Record<keyof typeof fileValues, FieldSpec>> {
  return {
    file: { field: discrete('file', 'file name'), kind: 'text', bytes: TEXT_BYTES },
    fstype: { field: discrete('fstype', 'file system'), kind: 'int', names: fileSystemNames },
    disk: { field: discrete('disk'), kind: 'int', names: names.disks },
  };
}
