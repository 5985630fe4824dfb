import { type Token, token } from './tokens.ts';

/** What only the operating system can do about memory. Does nothing where the native addon is missing or the system is not Linux. */
export interface HostMemory {
  /**
   * Takes the pages of program files out of this process that nothing has written to; those that are used again come back at the
   * cost of a minor fault each 64 KiB. Takes 3 ms. Returns the bytes they had.
   */
  releaseMappedFiles(): number;
  /**
   * Has `length` bytes of a file from `start` on written to the disk, and those that are there already taken out of the page cache.
   * Resolves when the kernel was told, which may take as long as the disk; never rejects. The descriptor must stay open until then.
   */
  releaseFileCache(fd: number, start: number, length: number): Promise<void>;
}

export const HOST_MEMORY: Token<HostMemory> = token('host-memory');
