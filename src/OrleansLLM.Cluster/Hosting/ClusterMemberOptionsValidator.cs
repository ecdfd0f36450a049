using System.Net;
using StackExchange.Redis;

namespace OrleansLLM.Cluster;

/// <summary>Whether a process can be such a silo. Reads no file and asks no store.</summary>
public static class ClusterMemberOptionsValidator
{
    private const int LongestName = 64;

    private const string NameRange = "1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit";

    private static readonly OptionName Roles = new(nameof(ClusterMemberOptions.Roles), "--role");
    private static readonly OptionName ClusterId = new(nameof(ClusterMemberOptions.ClusterId), "--cluster-id");
    private static readonly OptionName SecretFile = new(nameof(ClusterMemberOptions.SecretFile), "--cluster-secret-file");
    private static readonly OptionName SiloPort = new(nameof(ClusterMemberOptions.SiloPort), "--silo-port");
    private static readonly OptionName Advertise = new(nameof(ClusterMemberOptions.Advertise), "--advertise");
    private static readonly OptionName Name = new(nameof(ClusterMemberOptions.Name), "--name");
    private static readonly OptionName PlainSilos = new(nameof(ClusterMemberOptions.PlainSilos), "--allow-plain-silos");

    public static OptionProblems Validate(ClusterMemberOptions options)
    {
        var problems = new OptionProblems();
        problems.Require(
            options.Roles is SiloRoles.Gateway or SiloRoles.Worker or (SiloRoles.Gateway | SiloRoles.Worker), Roles, options.Roles, "Gateway, Worker or both (all)");
        problems.Require(IsName(options.ClusterId), ClusterId, options.ClusterId, NameRange);
        problems.Require(options.SiloPort is null or (>= 0 and <= IPEndPoint.MaxPort), SiloPort, options.SiloPort, "1 to 65535, or 0 for a free one");
        problems.Require(options.Name is null || IsName(options.Name), Name, options.Name, NameRange);
        problems.Require(Enum.IsDefined(options.PlainSilos), PlainSilos, options.PlainSilos, "OnLoopback or Anywhere");
        if (options.Clustering is Clustering.Local)
        {
            RequireNothingOfOthers(options, problems);
        }
        else
        {
            RequireWhatOthersNeed(options, problems);
        }

        return problems;
    }

    /// <summary>What can be a cluster's id or a silo's name: a file's name, and a part of a grain's key.</summary>
    public static bool IsName(string text) =>
        text.Length is > 0 and <= LongestName
        && char.IsAsciiLetterOrDigit(text[0])
        && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_');

    private static void RequireNothingOfOthers(ClusterMemberOptions options, OptionProblems problems)
    {
        const string Alone = "a cluster of one (--clustering local) has no other silos. Leave it out, or say where they meet with --clustering";
        if (options.Roles is SiloRoles.Gateway or SiloRoles.Worker)
        {
            problems.Add($"{Roles} is {options.Roles}, but {Alone}.");
        }

        if (options.SiloPort is not null)
        {
            problems.Add($"{SiloPort} is given, but {Alone}.");
        }
    }

    private static void RequireWhatOthersNeed(ClusterMemberOptions options, OptionProblems problems)
    {
        if (options.SecretFile is null)
        {
            problems.Add($"{SecretFile} is missing: name a file that all silos of the cluster share, with at least {ClusterSecret.LeastBytes} bytes that nobody can guess, such as `openssl rand -hex 32` writes.");
        }

        if (options.Advertise is { } address)
        {
            problems.Require(!address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any), Advertise, address, "an address of this machine that the other silos reach");
            if (options.IsReachedByOthers && options.PlainSilos == Cluster.PlainSilos.OnLoopback)
            {
                problems.Add(FormattableString.Invariant($"{Advertise} is {address}, beyond loopback, where anybody on the way can read and change what silos say: allow it with {PlainSilos.Argument} in a network that you trust, or advertise 127.0.0.1."));
            }
        }

        if (WhyNoConnection(options.Clustering) is { } reason)
        {
            problems.Add($"--clustering-connection can't be read: {reason}");
        }
    }

    private static string? WhyNoConnection(Clustering clustering)
    {
        try
        {
            _ = clustering switch
            {
                Clustering.Redis redis => ConfigurationOptions.Parse(redis.Connection).EndPoints.Count > 0 ? redis : throw new ArgumentException("it names no host."),
                Clustering.Postgres postgres => (object)PostgresSchema.InSchema(postgres.Connection),
                _ => clustering,
            };
            return null;
        }
        catch (Exception error) when (error is ArgumentException or FormatException or KeyNotFoundException)
        {
            return error.Message;
        }
    }
}
