namespace OrleansLLM.Testing.Stores;

public sealed class RedisServer : StoreServer
{
    public string Connection => $"127.0.0.1:{PortText}";

    protected override string? WhyMissing() => Find("redis-server") is null ? "redis-server is not installed (Debian: apt-get install redis-server)." : null;

    protected override string[] Command() =>
        [Find("redis-server")!, "--bind", "127.0.0.1", "--port", PortText, "--save", "", "--appendonly", "no", "--dir", Folder];

    protected override (byte[] Hello, byte[] Ready) Greeting => ("PING\r\n"u8.ToArray(), "+PONG"u8.ToArray());
}
