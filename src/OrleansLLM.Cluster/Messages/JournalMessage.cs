namespace OrleansLLM.Cluster;

/// <summary>
/// A journal on its way. Whoever reads it shares one decoded value: calls inside a process hand over the message itself, so that a first
/// attempt is written once and read once there.
/// </summary>
/// <param name="bytes">As <see cref="JournalFormat"/> writes them.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.JournalMessage")]
public sealed class JournalMessage(byte[] bytes)
{
    [NonSerialized]
    private Journal? _journal;

    [Id(0)]
    public byte[] Bytes { get; } = bytes;

    public static JournalMessage From(Journal journal) => new(JournalFormat.Write(journal));

    /// <exception cref="JournalFormatException">The bytes are damaged or of another version.</exception>
    public Journal Read() => _journal ??= JournalFormat.Read(Bytes);
}
