"""AWS as moto plays it, on a free port of this machine, until standard input ends: with the test that wanted it."""

import sys
from threading import Lock

from moto.dynamodb.responses import DynamoHandler
from moto.server import ThreadedMotoServer

# A transaction that fails puts all tables back as they were when it began, and takes with it what others wrote meanwhile. DynamoDB keeps
# transactions apart: so they come one after another here.
turn = Lock()
carry_out = DynamoHandler.call_action


def carry_out_alone(self):
    with turn:
        return carry_out(self)


DynamoHandler.call_action = carry_out_alone

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
