"""What redis-py's documentation shows first, against the KeyValue example: connecting, set and get, counting, ends of keys,
pipelines and transactions; blocking and with asyncio, in both versions of the protocol.

usage: basics.py DIRECTORY PORT, where DIRECTORY has redis-py 8 or later. Prints "fine", or what was not.

SPDX-License-Identifier: Apache-2.0
"""

import asyncio
import sys
import warnings

sys.path.insert(0, sys.argv[1])

import redis
import redis.asyncio

# Some of these have newer names, and are in many programs all the same.
warnings.simplefilter("ignore", DeprecationWarning)

LATER = 4_000_000_000


def same(*wanted):
    """A check for these elements in any order."""
    return lambda answer: sorted(answer) == sorted(wanted)


def calls(text):
    """Calls, and the answers that are documented, or checks of them. `text` makes what this client gives for a string."""
    return [
        (lambda r: r.ping(), True),
        (lambda r: r.flushall(), True),
        # Values: README, set_and_get_examples
        (lambda r: r.set("foo", "bar"), True),
        (lambda r: r.get("foo"), text("bar")),
        (lambda r: r.get("nothing"), None),
        (lambda r: r.set("full_name", "john doe"), True),
        (lambda r: r.exists("full_name"), 1),
        (lambda r: r.set("full_name", "overridee!"), True),
        (lambda r: r.get("full_name"), text("overridee!")),
        (lambda r: r.setex("important_key", 100, "important_value"), True),
        (lambda r: r.ttl("important_key"), 100),
        (lambda r: r.mset({"name": "Adam", "age": 30}), True),
        (lambda r: r.mget("name", "age", "nothing"), [text("Adam"), text("30"), None]),
        (lambda r: r.msetnx({"age": 31, "new": 1}), False),
        (lambda r: r.set("foo", "x", nx=True), None),
        (lambda r: r.set("none", "x", xx=True), None),
        (lambda r: r.set("foo", "baz", get=True), text("bar")),
        (lambda r: r.set("foo", "baz", ex=100), True),
        (lambda r: r.set("foo", "qux", keepttl=True), True),
        (lambda r: r.ttl("foo"), 100),
        (lambda r: r.set("foo", "qux", px=100_000), True),
        (lambda r: r.set("foo", "qux", exat=LATER), True),
        (lambda r: r.setnx("foo", 1), False),
        (lambda r: r.psetex("foo", 100_000, "v"), True),
        (lambda r: r.getex("foo", persist=True), text("v")),
        (lambda r: r.ttl("foo"), -1),
        (lambda r: r.getset("foo", "w"), text("v")),
        (lambda r: r.getdel("foo"), text("w")),
        (lambda r: r.get("foo"), None),
        # Parts of values
        (lambda r: r.append("s", "Hello"), 5),
        (lambda r: r.append("s", " World"), 11),
        (lambda r: r.strlen("s"), 11),
        (lambda r: r.getrange("s", 0, 3), text("Hell")),
        (lambda r: r.getrange("s", -5, -1), text("World")),
        (lambda r: r.setrange("s", 6, "Redis"), 11),
        (lambda r: r.get("s"), text("Hello Redis")),
        # Numbers
        (lambda r: r.incr("n"), 1),
        (lambda r: r.incr("n", 41), 42),
        (lambda r: r.incrby("n", 8), 50),
        (lambda r: r.decr("n"), 49),
        (lambda r: r.decrby("n", 9), 40),
        (lambda r: r.incrbyfloat("f", 10.5), 10.5),
        (lambda r: r.incrbyfloat("f", -5), 5.5),
        # Keys and their ends
        (lambda r: r.expire("n", 60), True),
        (lambda r: r.pttl("n"), lambda answer: 0 < answer <= 60_000),
        (lambda r: r.persist("n"), True),
        (lambda r: r.expireat("n", LATER), True),
        (lambda r: r.type("n"), text("string")),
        (lambda r: r.delete("name", "age", "nothing"), 2),
        (lambda r: r.unlink("full_name", "important_key"), 2),
        (lambda r: r.keys("*"), same(text("f"), text("n"), text("s"))),
        (lambda r: r.keys("[^n]"), same(text("f"), text("s"))),
        (lambda r: r.scan(match="?", count=1000), lambda answer: len(answer[1]) == 3),
        (lambda r: r.dbsize(), 3),
        # The server and the connection
        (lambda r: r.echo("hello"), text("hello")),
        (lambda r: r.config_get("save"), {"save": ""}),
        (lambda r: r.lastsave(), lambda answer: answer.year > 2000),
        (lambda r: r.time(), lambda answer: len(answer) == 2 and answer[0] > 1_600_000_000),
        (lambda r: r.info(), lambda answer: answer["connected_clients"] > 0),
        (lambda r: r.info("keyspace"), lambda answer: answer["db0"]["keys"] == 3),
        (lambda r: r.command(), lambda answer: answer["incrbyfloat"]["arity"] == 3),
        (lambda r: r.command_count(), lambda answer: answer > 30),
        (lambda r: r.client_id(), lambda answer: answer > 0),
        (lambda r: r.client_setname("me"), True),
        (lambda r: r.client_getname(), lambda answer: answer in ("me", b"me")),
        # pipeline_examples: as a transaction, and without one
        (lambda r: r.pipeline().set("foo", 5).set("bar", 18.5).set("blee", "hello world!").execute(), [True] * 3),
        (lambda r: r.pipeline(transaction=True).set("a", "a value").get("a").execute(), [True, text("a value")]),
        (lambda r: r.pipeline(transaction=False).incr("a1").incr("a1").execute(), [1, 2]),
    ]


def check(number, answer, wanted, settings):
    if not (wanted(answer) if callable(wanted) else answer == wanted):
        print(f"call {number} with {settings}: {answer!r}, wanted {wanted!r}")
        sys.exit(1)


def blocking(settings):
    with redis.Redis(port=PORT, socket_timeout=10, **settings) as client:
        for number, (call, wanted) in enumerate(calls(TEXT[settings.get("decode_responses", False)])):
            check(number, call(client), wanted, settings)
        found = list(client.scan_iter(count=1))
        check("scan_iter", len(set(found)), client.dbsize(), settings)


async def with_asyncio(settings):
    async with redis.asyncio.Redis(port=PORT, socket_timeout=10, **settings) as client:
        for number, (call, wanted) in enumerate(calls(TEXT[settings.get("decode_responses", False)])):
            check(number, await call(client), wanted, settings)
        async with client.pipeline(transaction=True) as pipe:
            check("pipeline", await pipe.set("key1", "value1").set("key2", "value2").execute(), [True] * 2, settings)
        answers = await asyncio.gather(*[client.incr("together") for _ in range(20)])
        check("gather", sorted(answers), list(range(1, 21)), settings)


PORT = int(sys.argv[2])
TEXT = {False: str.encode, True: str}
SETTINGS = [{}, {"decode_responses": True}, {"protocol": 2}, {"protocol": 3}, {"client_name": "me", "health_check_interval": 1}]

for settings in SETTINGS:
    blocking(settings)
    asyncio.run(with_asyncio(settings))
print("fine")
