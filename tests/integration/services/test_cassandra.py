"""Cassandra is a server like the others: started, killed, and back on its port."""

from __future__ import annotations

from tests.support.servers import breakable_instance


def test_a_killed_node_comes_back_where_it_was():
    with breakable_instance("cassandra") as node:
        port = node.port
        assert node.service.answers(port)

        node.kill()
        assert not node.service.answers(port)
        node.start()

        assert node.port == port
        assert node.service.answers(port)
