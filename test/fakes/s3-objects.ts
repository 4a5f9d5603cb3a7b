/** Objects in moto's buckets, put there and taken away by a test. */

const authorization =
  'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0';

export async function putObject(endpoint: string, bucket: string, key: string, body: string): Promise<void> {
  await ask(endpoint, 'PUT', bucket, key, body);
}

export async function removeObject(endpoint: string, bucket: string, key: string): Promise<void> {
  await ask(endpoint, 'DELETE', bucket, key);
}

async function ask(
  endpoint: string,
  method: string,
  bucket: string,
  key: string,
  body?: string,
): Promise<void> {
  const answer = await fetch(`${endpoint}/${bucket}/${key}`, {
    method,
    headers: { authorization },
    ...(body === undefined ? {} : { body }),
  });
  if (!answer.ok) throw new Error(`${method} ${key}: ${answer.status} ${await answer.text()}`);
}
