// The bare servers that a store in DynamoDB is compared with: one consistent GetItem a request, or one TransactWriteItems.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { DynamoDBClient, GetItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';

const [endpoint, region, TableName, kind] = process.argv.slice(2);
const client = new DynamoDBClient({ endpoint, region, maxAttempts: 1 });
let made = 0;

const answers = {
  async read(response) {
    const Key = { root: { S: 'bare' }, key: { S: 'one' } };
    const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    response.end(Item.v.B);
  },
  async write(response, body) {
    const Item = { root: { S: 'bare' }, key: { S: `${process.pid}-${made++}` }, v: { B: body } };
    const TransactItems = [{ Put: { TableName, Item } }];
    const ClientRequestToken = randomUUID();
    await client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken }));
    response.end('{}');
  },
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => void answers[kind](response, Buffer.concat(chunks)));
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
