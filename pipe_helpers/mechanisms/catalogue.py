"""The mechanisms that can be measured on this system, by name."""
from pipe_helpers.mechanisms import libraries, system

ALL = {
    mechanism.name: mechanism
    for mechanism in (
        system.NamedPipe,
        system.OrdinaryPipe,
        system.UnixSocket,
        system.TcpSocket,
        system.MessageQueue,
        system.SharedMemory,
        libraries.MultiprocessingPipe,
        libraries.MultiprocessingQueue,
        libraries.ZeroMQ,
        libraries.RemoteCall,
    )
}
MECHANISMS = {name: mechanism for name, mechanism in ALL.items() if mechanism.exists()}
NAMES = list(MECHANISMS)
