const headerBytes = 8;

/**
 * demultiplex takes the frame headers out of a container's output (Docker Engine API, "Attach to a container", stream format):
 * one byte stream type, three zeros, the length as a big-endian uint32, the payload. A cut last frame is taken as far as it goes.
 */
export function demultiplex(output: Buffer): Buffer {
  const payloads: Buffer[] = [];
  for (let at = 0; at + headerBytes <= output.length; ) {
    const end = at + headerBytes + output.readUInt32BE(at + 4);
    payloads.push(output.subarray(at + headerBytes, end));
    at = end;
  }
  return Buffer.concat(payloads);
}
