/** A certificate for this machine's loopback, which vouches for itself. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Leaves `key.pem`, `certificate.pem` and `both.pem` in the folder, and returns the certificate.
 * @param openssl the path of the program
 */
export function makeCertificate(openssl: string, folder: string): string {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const args = ['req', '-x509', ...kind, '-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', certificate];
  execFileSync(openssl, args, { stdio: 'pipe' });
  const text = readFileSync(certificate, 'utf8');
  writeFileSync(join(folder, 'both.pem'), text + readFileSync(key, 'utf8'));
  return text;
}
