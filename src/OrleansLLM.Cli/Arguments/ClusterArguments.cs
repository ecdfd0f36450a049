using System.CommandLine;
using System.Net;
using OrleansLLM.Cluster;

namespace OrleansLLM.Cli.Arguments;

/// <summary>What the process is in a cluster, and how it joins one.</summary>
internal sealed class ClusterArguments
{
    /// <summary>A connection may hold a password, which a command line shows to everybody on the machine.</summary>
    private const string ConnectionVariable = "ORLEANSLLM_CLUSTERING_CONNECTION";

    private const string AddressVariable = "POD_IP";
    private const string NameVariable = "POD_NAME";

    private readonly Option<string> _role = ModelArguments.Choice(
        "--role", "gateway takes requests, worker computes; all does both.", "all", "all", "gateway", "worker");

    private readonly Option<string> _clustering = new("--clustering")
    {
        HelpName = "STORE",
        Description = $"Where the silos of a cluster meet: {Clustering.Choices}. local is a cluster of one; a file's path is a folder, for processes of one machine.",
        DefaultValueFactory = _ => "local",
    };

    private readonly Option<string?> _connection = new("--clustering-connection")
    {
        HelpName = "CONNECTION",
        Description = $"Of redis (host:port,password=...) or postgres (Host=...;Database=...;Username=...). Default: the variable {ConnectionVariable}.",
    };

    private readonly Option<string?> _clusterId = new("--cluster-id")
    {
        HelpName = "NAME",
        Description = "Silos of different ids never meet, also in one store. Default: orleansllm.",
    };

    private readonly Option<string?> _secretFile = new("--cluster-secret-file")
    {
        HelpName = "PATH",
        Description = "Holds what all silos of the cluster share, 16 bytes or more; one with another secret is refused. Default: drawn at random for local.",
    };

    private readonly Option<long?> _siloPort = ModelArguments.Number(
        "--silo-port", "PORT", "Where other silos connect. Default: a free one, as with 0.", 0, IPEndPoint.MaxPort);

    private readonly Option<string?> _advertise = new("--advertise")
    {
        HelpName = "ADDRESS",
        Description = $"The IP address at which other silos reach this one. Default: the variable {AddressVariable}, else 127.0.0.1.",
    };

    private readonly Option<string?> _name = new("--name")
    {
        HelpName = "NAME",
        Description = $"The silo's name, which no other living one has. Default: the variable {NameVariable}, else the machine's with the silo's port.",
    };

    private readonly Option<bool> _allowPlainSilos = new("--allow-plain-silos")
    {
        Description = "Let silos talk beyond loopback, where anybody on the way can read and change what they say.",
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            _role, _clustering, _connection, _clusterId, _secretFile, _siloPort, _advertise, _name, _allowPlainSilos,
        })
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            foreach (var sentence in Problems(new Values(option => result.GetValue(option), option => result.GetValue(option), option => result.GetValue(option))))
            {
                result.AddError(sentence);
            }
        });
    }

    /// <summary>Of a command line without errors.</summary>
    public ClusterMemberOptions Read(ParseResult result) =>
        Read(new Values(option => result.GetValue(option), option => result.GetValue(option), option => result.GetValue(option)));

    private IReadOnlyList<string> Problems(Values values)
    {
        try
        {
            return ClusterMemberOptionsValidator.Validate(Read(values)).Sentences;
        }
        catch (FormatException error)
        {
            return [error.Message];
        }
        catch (InvalidOperationException)
        {
            return []; // an option can't be read, which is said of it alone
        }
    }

    /// <exception cref="FormatException">A text is not what its option takes.</exception>
    private ClusterMemberOptions Read(Values values)
    {
        var standard = new ClusterMemberOptions();
        var (store, connection) = (values.Text(_clustering!) ?? "local", values.Text(_connection));
        if (!Clustering.TryParse(store, connection, out var clustering, out _)
            && !Clustering.TryParse(store, connection ?? Variable(ConnectionVariable), out clustering, out var problem))
        {
            throw new FormatException(problem);
        }

        var isAlone = clustering is Clustering.Local;
        return standard with
        {
            Roles = values.Text(_role!) switch
            {
                "gateway" => SiloRoles.Gateway,
                "worker" => SiloRoles.Worker,
                _ => standard.Roles,
            },
            Clustering = clustering,
            ClusterId = values.Text(_clusterId) ?? standard.ClusterId,
            SecretFile = values.Text(_secretFile),
            SiloPort = (int?)values.Number(_siloPort),
            Advertise = ReadAddress("--advertise", values.Text(_advertise)) ?? (isAlone ? null : ReadAddress(AddressVariable, Variable(AddressVariable))),
            Name = values.Text(_name) ?? (isAlone ? null : Variable(NameVariable)),
            PlainSilos = values.Flag(_allowPlainSilos) ? PlainSilos.Anywhere : PlainSilos.OnLoopback,
        };
    }

    private static IPAddress? ReadAddress(string name, string? text) =>
        text is null ? null
        : IPAddress.TryParse(text, out var address) ? address
        : throw new FormatException($"{name} takes an IP address, not '{text}'.");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? text : null;

    /// <summary>What the command line says, while it is checked and afterwards.</summary>
    private sealed record Values(Func<Option<string?>, string?> Text, Func<Option<long?>, long?> Number, Func<Option<bool>, bool> Flag);
}
