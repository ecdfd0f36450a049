namespace OrleansLLM.Testing.Stores;

public sealed class PostgresServer : StoreServer
{
    private static readonly string[] Folders =
        Directory.Exists("/usr/lib/postgresql") ? [.. Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin"))] : [];

    /// <summary>It refuses to run as root.</summary>
    private static string[] AsItself => Environment.UserName == "root" ? [Find("setpriv")!, "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    public string Connection => $"Host=127.0.0.1;Port={PortText};Username=postgres;Database=postgres;Pooling=true";

    private string Data => Path.Combine(Folder, "data");

    protected override string? WhyMissing() =>
        Find("initdb", Folders) is null || Find("postgres", Folders) is null ? "PostgreSQL's server is not installed (Debian: apt-get install postgresql)."
        : Environment.UserName == "root" && (Find("setpriv") is null || !File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)))
            ? "PostgreSQL's server does not run as root, and this machine has no user postgres or no setpriv."
            : null;

    protected override string[] Command()
    {
        if (AsItself.Length > 0)
        {
            Run("chown", "postgres", Folder);
        }

        Run([.. AsItself, Find("initdb", Folders)!, "-D", Data, "-A", "trust", "-U", "postgres", "-N"]);
        return
        [
            .. AsItself, Find("postgres", Folders)!, "-D", Data, "-p", PortText, "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={Folder}",
            "-c", "fsync=off",
        ];
    }

    /// <summary>The start of protocol 3.0 by the user whom it trusts; R is its answer.</summary>
    protected override (byte[] Hello, byte[] Ready) Greeting
    {
        get
        {
            byte[] names = [0, 3, 0, 0, .. "user\0postgres\0database\0postgres\0\0"u8];
            return ([0, 0, 0, (byte)(names.Length + 4), .. names], "R"u8.ToArray());
        }
    }
}
