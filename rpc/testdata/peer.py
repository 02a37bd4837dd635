"""The other side of python_test.go: Python's own XML-RPC library.

Each line of standard input is a base64 coded response, which is read, written again and sent back. The line "make SEED" asks for
a response with a random value, "record SEED" for a JSON object with that response and its value, and "refuse REQUEST" for a JSON
object with that request, base64 coded here, and the error that it gives, or for nothing when it gives none. Answers are single
lines of base64 too, or "error ..." when the library refuses.
"""
import base64
import json
import random
import sys
import xmlrpc.client

# The library writes no integer beyond 32 bit, but reads them.
xmlrpc.client.MAXINT = 2 ** 63 - 1
xmlrpc.client.MININT = -2 ** 63

ALPHABET = 'abc XYZ\t\n&<>"\'\u00e9\u20ac\u4e2d\U0001f600]'


def text(rnd):
    return ''.join(rnd.choice(ALPHABET) for _ in range(rnd.randrange(12)))


def value(rnd, depth=0):
    kind = rnd.randrange(7 if depth > 3 else 9)
    if kind == 0:
        return text(rnd)
    if kind == 1:
        return rnd.randrange(-2 ** 31, 2 ** 31)
    if kind == 2:
        return rnd.random() < 0.5
    if kind == 3:
        return rnd.choice([0.0, 1.0, -2.5, rnd.random(), rnd.uniform(-1e20, 1e20), rnd.uniform(-1e-6, 1e-6)])
    if kind == 4:
        return xmlrpc.client.Binary(bytes(rnd.randrange(256) for _ in range(rnd.randrange(200))))
    if kind == 5:
        return xmlrpc.client.DateTime('%04d%02d%02dT%02d:%02d:%02d' % (
            rnd.randrange(1, 9999), rnd.randrange(1, 13), rnd.randrange(1, 29),
            rnd.randrange(24), rnd.randrange(60), rnd.randrange(60)))
    if kind == 6:
        return rnd.randrange(-2 ** 63, 2 ** 63)
    if kind == 7:
        return [value(rnd, depth + 1) for _ in range(rnd.randrange(5))]
    return {text(rnd): value(rnd, depth + 1) for _ in range(rnd.randrange(5))}


def dump(v):
    # a bare carriage return would come back as a line feed
    return xmlrpc.client.dumps((v,), methodresponse=True).replace('\r', '&#13;')


def echo(document):
    return dump(xmlrpc.client.loads(base64.b64decode(document))[0][0])


def make(seed):
    return dump(value(random.Random(int(seed))))


def tagged(v):
    """The value with the type of each part, which JSON alone does not tell."""
    if isinstance(v, dict):
        return {'struct': [{'name': name, 'value': tagged(member)} for name, member in v.items()]}
    if isinstance(v, list):
        return {'array': [tagged(element) for element in v]}
    if isinstance(v, xmlrpc.client.Binary):
        return {'base64': base64.b64encode(v.data).decode()}
    if isinstance(v, xmlrpc.client.DateTime):
        return {'dateTime.iso8601': v.value}
    return {{str: 'string', int: 'int', bool: 'boolean', float: 'double'}[type(v)]: v}


def record(seed):
    v = value(random.Random(int(seed)))
    return json.dumps({'document': dump(v), 'value': tagged(v)}, ensure_ascii=False)


def refuse(request):
    document = base64.b64decode(request)
    try:
        xmlrpc.client.loads(document)
    except Exception as e:
        return json.dumps({'document': document.decode(), 'error': '%s: %s' % (type(e).__name__, e)}, ensure_ascii=False)
    return ''


COMMANDS = {'': echo, 'make': make, 'record': record, 'refuse': refuse}

for line in sys.stdin:
    command, _, argument = line.rstrip('\n').rpartition(' ')
    try:
        answer = COMMANDS[command](argument)
        print(base64.b64encode(answer.encode()).decode(), flush=True)
    except Exception as e:
        print('error', repr(e).replace('\n', ' '), flush=True)
